// Reassembly: data that came before its turn (RFC 9293 §3.10.7.4, seventh step).
//
// Rules     A connection's pieces are ordered, disjoint and not adjacent. Where new data overlaps
//           old, the bytes that came first are kept. Pieces are limited per connection, in number
//           and in memory, and over all connections; what does not fit is dropped, the peer sends
//           it again.
// Ownership a ReassemblyQueue owns its pieces; clear() before the connection dies.
// Lock      the network lock.
#pragma once

#include <cstdint>
#include <optional>

#include "base/pool.hpp"
#include "net/packet/mbuf.hpp"
#include "net/tcp/config.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/seq.hpp"

namespace kyu::net {

struct ReassemblyPiece {
    SeqNum first;
    Mbuf data;
    ReassemblyPiece* next{nullptr};
    [[nodiscard]] SeqNum end() const { return first + SeqLen{data.size()}; }
};

using ReassemblyPool = Pool<ReassemblyPiece, kReassemblyMax>;

class ReassemblyQueue {
    ReassemblyPiece* head_{nullptr};
    ReassemblyPiece* tail_{nullptr};  ///< the last one, while there is one
    std::uint32_t count_{0};
    std::uint32_t memory_{0};
    bool fin_known_{false};
    SeqNum fin_at_{};

    /// Nothing is here from `at` on. Most segments that come too early come last of all: no walk.
    [[nodiscard]] bool ends_before(SeqNum at) const {
        return head_ == nullptr || !tail_->end().is_after(at);
    }
    bool insert_gap(ReassemblyPool& pool, ReassemblyPiece*& after, SeqNum first, Mbuf data);

public:
    ReassemblyQueue() = default;
    ReassemblyQueue(const ReassemblyQueue&) = delete;
    ReassemblyQueue& operator=(const ReassemblyQueue&) = delete;
    ~ReassemblyQueue() { CHECK(head_ == nullptr); }

    /// Files `data`, which begins at `first`. False: something was dropped for lack of room.
    bool insert(ReassemblyPool& pool, SeqNum first, Mbuf data);
    /// Cuts off what lies beyond a known FIN.
    void trim_to_fin(SeqNum first, Mbuf& data) const;
    /// A FIN stands at `at`. The first one seen counts.
    void note_fin(SeqNum at);
    /// Whether the stream ends at `at`.
    [[nodiscard]] bool fin_is_at(SeqNum at) const { return fin_known_ && fin_at_ == at; }
    [[nodiscard]] bool fin_known() const { return fin_known_; }
    /// Where the first piece begins; not empty().
    [[nodiscard]] SeqNum first() const { return head_->first; }

    /// The piece that holds the byte at `at`.
    [[nodiscard]] std::optional<SackBlock> piece_around(SeqNum at) const;
    /// The first stretch of [first, end) that is here already.
    [[nodiscard]] std::optional<SackBlock> overlap(SeqNum first, SeqNum end) const;

    /// The data that follows `next` without a gap; empty when there is none.
    [[nodiscard]] Mbuf take_from(ReassemblyPool& pool, SeqNum next);
    /// Frees the pieces; a known FIN stays known.
    void clear_data(ReassemblyPool& pool);
    void clear(ReassemblyPool& pool) {
        clear_data(pool);
        fin_known_ = false;
    }

    [[nodiscard]] bool empty() const { return head_ == nullptr; }
    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] std::uint32_t memory() const { return memory_; }
    /// Ordered, disjoint, counted rightly: for invariant checks and tests.
    [[nodiscard]] bool consistent() const;
    /// Calls f(SeqNum first, SeqNum end) for each piece, in order.
    template <typename F>
    void for_each(F&& f) const {
        for (const ReassemblyPiece* p = head_; p != nullptr; p = p->next) f(p->first, p->end());
    }
};

}  // namespace kyu::net
