// SockBuf: a socket's bytes on their way out or in, as an Mbuf chain that is accounted for.
//
// Rules     size() counts bytes, memory() what the chain pins; both are kept, never recounted,
//           and consistent() proves them. A buffer whose pieces waste too much is compacted.
// Ownership owns its chain. Everything runs in O(pieces touched), but share() walks to its offset.
// Lock      the network lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "net/packet/mbuf.hpp"
#include "net/tcp/config.hpp"

namespace kyu::net {

/// A few bytes in a whole cluster pin forty times their size: moves them into a small segment when
/// there is one. `data` keeps its bytes either way.
void unpin_small(Mbuf& data);

class SockBuf {
    static constexpr std::uint32_t low_water_of(std::uint32_t limit_bytes) {
        return std::min(kSendLowWater, limit_bytes / 4);
    }
    Mbuf chain_;
    std::uint32_t memory_{0};
    std::uint32_t limit_;
    std::uint32_t memory_limit_;
    std::uint32_t low_water_;
    std::uint32_t tail_fill_{0};  ///< bytes written into the last cluster of a growing chain

public:
    SockBuf(std::uint32_t limit_bytes, std::uint32_t memory_limit_bytes)
        : limit_(limit_bytes),
          memory_limit_(memory_limit_bytes),
          low_water_(low_water_of(limit_bytes)) {}
    /// What is in it stays, also when that is more than the new limit.
    void set_limit(std::uint32_t limit_bytes) {
        limit_ = limit_bytes;
        low_water_ = low_water_of(limit_bytes);
    }
    [[nodiscard]] std::uint32_t limit() const { return limit_; }
    /// Room that a waiting sender is woken for: a good piece, not crumbs.
    [[nodiscard]] std::uint32_t low_water() const { return low_water_; }

    [[nodiscard]] std::uint32_t size() const { return chain_.size(); }
    [[nodiscard]] std::uint32_t memory() const { return memory_; }
    /// Bytes that still fit; 0 when the memory limit is reached.
    [[nodiscard]] std::uint32_t space() const;
    [[nodiscard]] bool over_memory() const { return memory_ >= memory_limit_; }

    /// Takes a packet by reference.
    void append(Mbuf&& data);
    /// Takes a received packet: by reference, or, when it is small, by copying it behind the last
    /// one, so that many small packets do not pin a cluster each.
    void append_received(Mbuf&& data);
    /// Copies from the front of `bytes` as much as fits, into pieces of `piece_bytes` each
    /// (so that a full-sized segment is one piece). Returns how much: less than space() only when
    /// the pool is empty.
    std::size_t append_copy(MbufPool& pool, std::span<const std::byte> bytes,
                            std::uint32_t piece_bytes);
    /// The same without copying; the memory must outlive every retransmission.
    std::size_t append_static(MbufPool& pool, std::span<const std::byte> bytes);
    /// Forgets `count` bytes at the front; count <= size().
    void drop(std::uint32_t count);
    /// A read-only view of [offset, offset + count); empty when count > 0 and the pool is empty.
    [[nodiscard]] Mbuf share(std::uint32_t offset, std::uint32_t count) const;
    /// Moves bytes from the front to `to`; returns how many.
    std::size_t take(std::span<std::byte> to);
    void clear();

    /// Copies everything into as few clusters as possible. False: no memory, nothing changed.
    bool compact(MbufPool& pool);

    /// Counts equal chain: for invariant checks and tests.
    [[nodiscard]] bool consistent() const;
};

}  // namespace kyu::net
