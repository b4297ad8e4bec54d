// The out-of-order queue.
//
// Lock      the network lock.
#include "net/tcp/reassembly.hpp"

#include <utility>

#include "net/socket/sockbuf.hpp"

namespace kyu::net {

/// Puts `data`, which overlaps nothing, behind `after` (nullptr: in front), joined to a neighbour
/// that it touches. On return `after` is the piece that holds it.
bool ReassemblyQueue::insert_gap(ReassemblyPool& pool, ReassemblyPiece*& after, SeqNum first,
                                 Mbuf data) {
    ReassemblyPiece* next = after == nullptr ? head_ : after->next;
    const bool follows = after != nullptr && after->end() == first;
    const bool precedes = next != nullptr && next->first == first + SeqLen{data.size()};
    if (!follows && !precedes && count_ >= kReassemblyPerConnection) return false;
    unpin_small(data);
    const std::uint32_t memory = data.memory();
    if (memory_ + memory > kReassemblyMemory) return false;
    if (follows) {
        after->data.append(std::move(data));
    } else if (precedes) {
        data.append(std::move(next->data));
        next->data = std::move(data);
        next->first = first;
        after = next;
    } else {
        ReassemblyPiece* piece = pool.allocate();
        if (piece == nullptr) return false;
        piece->first = first;
        piece->data = std::move(data);
        piece->next = next;
        (after == nullptr ? head_ : after->next) = piece;
        after = piece;
        ++count_;
    }
    memory_ += memory;
    next = after->next;
    if (next != nullptr && next->first == after->end()) {
        after->data.append(std::move(next->data));
        after->next = next->next;
        pool.release(*next);
        --count_;
    }
    if (after->next == nullptr) tail_ = after;
    return true;
}

bool ReassemblyQueue::insert(ReassemblyPool& pool, SeqNum first, Mbuf data) {
    trim_to_fin(first, data);
    const bool last = head_ != nullptr && ends_before(first);
    ReassemblyPiece* after = last ? tail_ : nullptr;
    ReassemblyPiece* at = last ? nullptr : head_;
    while (data.size() > 0) {
        while (at != nullptr && !at->end().is_after(first)) {
            after = at;
            at = at->next;
        }
        if (at != nullptr && !at->first.is_after(first)) {  // begins inside `at`: first come, kept
            const std::uint32_t known = (at->end() - first).value;
            if (known >= data.size()) return true;
            data.trim_front(known);
            first = at->end();
            continue;
        }
        Mbuf part;
        if (at != nullptr && at->first.is_before(first + SeqLen{data.size()})) {
            part = data.take_front((at->first - first).value);
            if (!part) return false;
        } else {
            part = std::exchange(data, Mbuf{});
        }
        const SeqNum next = first + SeqLen{part.size()};
        if (!insert_gap(pool, after, first, std::move(part))) return false;
        first = next;
        at = after;  // it may have swallowed its neighbour
    }
    return true;
}

void ReassemblyQueue::trim_to_fin(SeqNum first, Mbuf& data) const {
    if (!fin_known_) return;
    const SeqNum end = first + SeqLen{data.size()};
    if (!end.is_after(fin_at_)) return;
    data.trim_back(first.is_before(fin_at_) ? (end - fin_at_).value : data.size());
}

void ReassemblyQueue::note_fin(SeqNum at) {
    if (fin_known_) return;
    fin_known_ = true;
    fin_at_ = at;
}

std::optional<SackBlock> ReassemblyQueue::piece_around(SeqNum at) const {
    if (ends_before(at)) return std::nullopt;
    if (!tail_->first.is_after(at)) return SackBlock{tail_->first, tail_->end()};
    for (const ReassemblyPiece* p = head_; p != nullptr; p = p->next) {
        if (at.in_window(p->first, SeqLen{p->data.size()})) return SackBlock{p->first, p->end()};
    }
    return std::nullopt;
}

std::optional<SackBlock> ReassemblyQueue::overlap(SeqNum first, SeqNum end) const {
    if (ends_before(first)) return std::nullopt;
    for (const ReassemblyPiece* p = head_; p != nullptr; p = p->next) {
        const SackBlock common{later(p->first, first), earlier(p->end(), end)};
        if (common.end.is_after(common.first)) return common;
    }
    return std::nullopt;
}

Mbuf ReassemblyQueue::take_from(ReassemblyPool& pool, SeqNum next) {
    Mbuf found;
    while (head_ != nullptr && !head_->first.is_after(next)) {
        ReassemblyPiece* piece = head_;
        head_ = piece->next;
        --count_;
        memory_ -= piece->data.memory();
        Mbuf data = std::move(piece->data);
        const SeqNum first = piece->first;
        pool.release(*piece);
        const std::uint32_t known = (next - first).value;
        if (known >= data.size()) continue;  // it came another way in the meantime
        data.trim_front(known);
        next = next + SeqLen{data.size()};
        found.append(std::move(data));
    }
    return found;
}

void ReassemblyQueue::clear_data(ReassemblyPool& pool) {
    while (head_ != nullptr) {
        ReassemblyPiece* piece = head_;
        head_ = piece->next;
        pool.release(*piece);
    }
    count_ = memory_ = 0;
}

bool ReassemblyQueue::consistent() const {
    std::uint32_t count = 0;
    std::uint32_t memory = 0;
    for (const ReassemblyPiece* p = head_; p != nullptr; p = p->next) {
        ++count;
        memory += p->data.memory();
        if (p->data.size() == 0) return false;
        if (p->next != nullptr && !p->next->first.is_after(p->end())) return false;
        if (p->next == nullptr && p != tail_) return false;
    }
    return count == count_ && memory == memory_ && count <= kReassemblyPerConnection;
}

}  // namespace kyu::net
