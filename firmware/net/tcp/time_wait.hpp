// TimeWaitTable: connections in TIME-WAIT, as small records (RFC 9293 §3.3.2; RFC 1337; RFC 6191).
//
// Rules     Every record waits 2 MSL, so the queue is in deadline order. When all are in use the
//           oldest is recycled: a bound on memory is worth more than its last seconds.
// Ownership records live in the pool here.
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "base/intrusive_list.hpp"
#include "base/pool.hpp"
#include "base/time.hpp"
#include "net/tcp/config.hpp"
#include "net/tcp/negotiated.hpp"
#include "net/tcp/seq.hpp"
#include "net/tcp/table.hpp"

namespace kyu::net {

struct TimeWaitRecord : ListLink<> {
    FourTuple tuple;
    TimeWaitRecord* hash_next{nullptr};
    SeqNum snd_nxt;
    SeqNum rcv_nxt;
    std::uint16_t window{0};
    Negotiated agreed;
    Instant expires{};
};

class TimeWaitTable {
    Pool<TimeWaitRecord, kTimeWaitMax> pool_{"time-waits"};
    TupleTable<TimeWaitRecord, 1024> table_;
    // mutable: looking at a front changes nothing, but IntrusiveList has no const front().
    mutable IntrusiveList<TimeWaitRecord> queue_;

public:
    explicit TimeWaitTable(std::uint64_t key) : table_(key) {}
    ~TimeWaitTable() {
        while (TimeWaitRecord* r = queue_.pop_front()) pool_.release(*r);
    }
    TimeWaitTable(const TimeWaitTable&) = delete;
    TimeWaitTable& operator=(const TimeWaitTable&) = delete;

    /// Files a record under `tuple`, which has none. `recycled`: the oldest had to go for it.
    TimeWaitRecord& insert(const FourTuple& tuple, Instant now, bool& recycled) {
        recycled = pool_.stats().used == kTimeWaitMax;
        if (recycled) remove(*queue_.front());
        TimeWaitRecord* r = pool_.allocate();
        CHECK(r != nullptr);
        r->tuple = tuple;
        r->expires = now + kTimeWait;
        table_.insert(*r);
        queue_.push_back(*r);
        return *r;
    }
    [[nodiscard]] TimeWaitRecord* find(const FourTuple& tuple) const { return table_.find(tuple); }
    void remove(TimeWaitRecord& record) {
        table_.remove(record);
        IntrusiveList<TimeWaitRecord>::remove(record);
        pool_.release(record);
    }
    void remove_all_of(Ipv4 local) {
        table_.for_each([&](TimeWaitRecord& r) {
            if (r.tuple.local.address == local) remove(r);
        });
    }
    /// The peer has sent its FIN again: 2 MSL from now.
    void restart(TimeWaitRecord& record, Instant now) {
        record.expires = now + kTimeWait;
        IntrusiveList<TimeWaitRecord>::remove(record);
        queue_.push_back(record);
    }
    void expire(Instant now) {
        for (TimeWaitRecord* r = queue_.front(); r != nullptr && !(now < r->expires);
             r = queue_.front()) {
            remove(*r);
        }
    }
    [[nodiscard]] Instant next_deadline() const {
        const TimeWaitRecord* r = queue_.front();
        return r != nullptr ? r->expires : Instant::never();
    }
    [[nodiscard]] const PoolStats& stats() const { return pool_.stats(); }
    [[nodiscard]] const PoolGuard* guard() const { return pool_.guard(); }
};

}  // namespace kyu::net
