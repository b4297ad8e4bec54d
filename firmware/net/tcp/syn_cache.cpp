// SynCache.
//
// Lock      the network lock.
#include "net/tcp/syn_cache.hpp"

#include <algorithm>

namespace kyu::net {

SynCache::~SynCache() {
    while (waiting_.pop_front() != nullptr) {
    }
    for (auto& level : levels_) {
        while (SynRecord* r = level.pop_front()) pool_.release(*r);
    }
}

// The one that was sent again most often, and of those the oldest. Whose handshake is complete has
// answered. A few are looked at: a queue full of those that wait in line costs no more.
SynRecord* SynCache::unanswered() {
    constexpr int kLooks = 8;
    for (std::size_t level = levels_.size() - 1; level > 0; --level) {
        SynRecord* r = levels_[level].front();
        for (int looks = 0; r != nullptr && looks < kLooks; ++looks) {
            if (!waits_in_line(*r)) return r;
            r = levels_[level].next(*r);
        }
    }
    return nullptr;
}

SynRecord* SynCache::insert(const FourTuple& tuple, Instant now, bool& displaced) {
    displaced = false;
    if (pool_.stats().used == kSynRecordsMax) {
        if (SynRecord* silent = unanswered()) {
            remove(*silent);
            displaced = true;
        }
    }
    SynRecord* record = pool_.allocate();
    if (record == nullptr) return nullptr;
    record->tuple = tuple;
    record->sent_at = now;
    record->due = now + kRtoInitial;
    table_.insert(*record);
    levels_[0].push_back(*record);
    return record;
}

void SynCache::remove(SynRecord& record) {
    table_.remove(record);
    IntrusiveList<SynRecord>::remove(record);
    if (waits_in_line(record)) waiting_.remove(record);
    pool_.release(record);
}

void SynCache::remove_all_of(const Socket& listener) {
    table_.for_each([&](SynRecord& r) {
        if (r.listener == &listener) remove(r);
    });
}

void SynCache::remove_all_of(Ipv4 local) {
    table_.for_each([&](SynRecord& r) {
        if (r.tuple.local.address == local) remove(r);
    });
}

SynRecord* SynCache::first_in_line(const Socket& listener) {
    for (SynRecord& r : waiting_) {
        if (r.listener == &listener) return &r;
    }
    return nullptr;
}

SynRecord* SynCache::take_due(Instant now, bool& expired) {
    for (auto& level : levels_) {
        SynRecord* r = level.front();
        if (r == nullptr || now < r->due) continue;
        expired = r->retries >= kSynAckRetriesMax;
        if (expired) return r;
        level.remove(*r);
        ++r->retries;
        r->due = now + kRtoInitial * (std::int64_t{1} << r->retries);
        levels_[r->retries].push_back(*r);
        return r;
    }
    return nullptr;
}

Instant SynCache::next_deadline() const {
    Instant next = Instant::never();
    for (auto& level : levels_) {
        if (const SynRecord* r = level.front()) next = std::min(next, r->due);
    }
    return next;
}

}  // namespace kyu::net
