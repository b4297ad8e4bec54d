// Mbuf: a packet, as an owning chain of segments.
//
// Ownership move-only: moving an Mbuf into a function gives the packet away, dropping it frees it.
//           A segment's bytes lie inside the segment (headers, small packets), in a cluster that
//           may be shared read-only, or in static memory that is only referred to.
// Lock      the network lock: pools and reference counts are plain numbers. An Mbuf lives and dies
//           inside LockedNet or while a NetGuard is held.
// Limits    segments and clusters come from MbufPool; every allocation may fail and is counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/free_list.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"

namespace kyu::net {

inline constexpr std::size_t kClusterBytes = 2048;
inline constexpr std::size_t kSegmentBytes = 256;  ///< a whole segment with its bookkeeping
/// Room kept in front of a fresh packet for every header below its own (Ethernet 14 + IP 20, and
/// TCP 20 + 40 of options), rounded so that the IP header is 4-byte aligned.
inline constexpr std::size_t kHeaderRoom = 112;

class MbufPool;

/// 2 KiB of DMA memory, whole cache lines.
struct alignas(64) Cluster {
    std::array<std::byte, kClusterBytes> bytes;
};

/// One piece of a packet. Made and linked only by Mbuf and MbufPool.
struct alignas(64) Segment {
    static constexpr std::size_t kInside = kSegmentBytes - 4 * sizeof(void*) - 8;

    Segment* next;
    MbufPool* pool;
    Cluster* cluster;    ///< nullptr: bytes are in `inside` or in static memory
    std::byte* data;     ///< first byte in use
    std::uint32_t size;  ///< bytes in use
    bool read_only;      ///< a share of a cluster, or static memory: never written through
    alignas(8) std::array<std::byte, kInside> inside;

    [[nodiscard]] std::span<const std::byte> bytes() const { return {data, size}; }
    /// What it pins of the pool, in bytes.
    [[nodiscard]] std::uint32_t memory() const {
        return static_cast<std::uint32_t>(kSegmentBytes + (cluster != nullptr ? kClusterBytes : 0));
    }
};
static_assert(sizeof(Segment) == kSegmentBytes);

/// What packets of one kind begin with, aligned so that a copy is a few whole words.
struct alignas(8) HeaderImage {
    std::array<std::byte, 72> bytes;  ///< Ethernet, IP, TCP with timestamps, rounded up
    std::uint32_t size{0};
};

/// Whether an allocation may use the last few buffers, kept so that ACKs and resets always go out.
enum class Reserve : std::uint8_t { keep, use };

class Mbuf {
    friend class MbufPool;
    Segment* head_{nullptr};
    Segment* tail_{nullptr};
    std::uint32_t size_{0};

    void drop();
    Mbuf& replace(Mbuf& other);
    void trim_segments_front(std::size_t count);
    void trim_segments_back(std::size_t count);
    [[nodiscard]] bool gather(std::size_t count);
    [[nodiscard]] std::size_t room_in_front() const;

public:
    Mbuf() = default;
    Mbuf(Mbuf&& other) noexcept : head_(other.head_), tail_(other.tail_), size_(other.size_) {
        other.head_ = other.tail_ = nullptr;
        other.size_ = 0;
    }
    Mbuf& operator=(Mbuf&& other) noexcept {
        if (head_ != nullptr) return replace(other);
        head_ = std::exchange(other.head_, nullptr);
        tail_ = std::exchange(other.tail_, nullptr);
        size_ = std::exchange(other.size_, 0U);
        return *this;
    }
    Mbuf(const Mbuf&) = delete;
    Mbuf& operator=(const Mbuf&) = delete;
    ~Mbuf() {
        if (head_ != nullptr) drop();
    }

    /// False for "no packet".
    explicit operator bool() const { return head_ != nullptr; }
    /// Bytes in the whole chain.
    [[nodiscard]] std::uint32_t size() const { return size_; }
    /// Bytes of pool memory that the chain pins: what a socket buffer is charged for
    /// (bsd-pitfalls B7). A shared cluster is charged to each holder.
    [[nodiscard]] std::uint32_t memory() const {
        std::uint32_t sum = 0;
        for (const Segment* s = head_; s != nullptr; s = s->next) sum += s->memory();
        return sum;
    }
    [[nodiscard]] std::uint32_t segments() const;

    /// The contiguous bytes at the front.
    [[nodiscard]] std::span<const std::byte> front() const {
        return head_ == nullptr ? std::span<const std::byte>{} : head_->bytes();
    }
    /// The same, writable. CHECKs that nobody else holds the memory of the first segment.
    [[nodiscard]] std::span<std::byte> writable_front();
    /// Makes the first `count` bytes contiguous (count <= Segment::kInside). False when the chain
    /// is shorter or the pool is empty; the chain is then unchanged.
    [[nodiscard]] bool pull_up(std::size_t count) {
        return (head_ != nullptr && head_->size >= count) || gather(count);
    }

    /// Puts `count` fresh bytes in front, in room kept for headers or in a new segment, never
    /// inside memory that is shared; count <= Segment::kInside. Empty span when the pool is empty.
    [[nodiscard]] std::span<std::byte> prepend(std::size_t count);
    /// Drops bytes at the front (count <= size()) and frees every segment that this empties: a
    /// packet that loses its last byte is no packet any more.
    void trim_front(std::size_t count) {
        if (head_ == nullptr || count >= head_->size) return trim_segments_front(count);
        head_->data += count;
        head_->size -= static_cast<std::uint32_t>(count);
        size_ -= static_cast<std::uint32_t>(count);
    }
    /// The same at the end.
    void trim_back(std::size_t count) {
        if (tail_ == nullptr || count >= tail_->size) return trim_segments_back(count);
        tail_->size -= static_cast<std::uint32_t>(count);
        size_ -= static_cast<std::uint32_t>(count);
    }

    /// Joins `other` to the end.
    void append(Mbuf&& other) {
        if (head_ == nullptr) {
            *this = std::move(other);
            return;
        }
        if (!other) return;
        tail_->next = std::exchange(other.head_, nullptr);
        tail_ = std::exchange(other.tail_, nullptr);
        size_ += std::exchange(other.size_, 0U);
    }
    /// Copies as much of `bytes` as fits into free room behind the last byte and returns how much
    /// that was: 0 when the last segment is a share or is full. Shares of the same cluster keep
    /// their bytes, since nothing but the one original segment can grow.
    [[nodiscard]] std::size_t append_inside(std::span<const std::byte> bytes);
    /// Cuts off and returns the first `count` bytes (count <= size()); a segment in the middle of
    /// the cut is shared read-only. An empty Mbuf when count > 0 and the pool is empty: unchanged.
    [[nodiscard]] Mbuf take_front(std::size_t count);
    /// A second, read-only view of bytes [offset, offset+count), without copying (m_copym); bytes
    /// that lie inside a segment are copied, since a segment has one owner. An empty Mbuf when
    /// count > 0 and the pool is empty.
    [[nodiscard]] Mbuf share(std::size_t offset, std::size_t count,
                             Reserve reserve = Reserve::keep) const;

    /// Copies [offset, offset + to.size()) out; the range lies inside the chain.
    void copy_out(std::size_t offset, std::span<std::byte> to) const;

    /// Calls f(std::span<const std::byte>) for each segment, front to back.
    template <typename F>
    void for_each_segment(F&& f) const {
        for (const Segment* s = head_; s != nullptr; s = s->next) f(s->bytes());
    }
    /// A device will write into the first segment's cluster. How many bytes at its front the
    /// processor may have written since the last such call: what its cache must not write back
    /// over what the device puts there.
    [[nodiscard]] std::size_t give_up_writes();
    /// First segment, for drivers that hand the pieces to a device; nullptr when empty.
    [[nodiscard]] const Segment* head() const { return head_; }
};

/// The memory of a pool; the board puts it into DMA-capable RAM, the host on its heap.
template <std::size_t Segments, std::size_t Clusters>
struct MbufMemory {
    PoolMemory<Segment, Segments> segments;
    PoolMemory<Cluster, Clusters> clusters;
    std::array<std::uint16_t, Clusters> references;
};
// A cluster is whole cache lines with and without red zones: what the device writes, and what is
// invalidated for it, shares no line with anything else (drivers/emac/ring.hpp).
static_assert(kPoolZoneOf<Cluster> % alignof(Cluster) == 0);
static_assert(sizeof(GuardedPlace<Cluster>) == kClusterBytes + 2 * kPoolZoneOf<Cluster>);

class MbufPool {
    friend class Mbuf;

public:
    template <std::size_t S, std::size_t C>
    explicit MbufPool(MbufMemory<S, C>& memory)
        : segments_("mbufs", memory.segments),
          clusters_("clusters", memory.clusters),
          references_(memory.references) {
        set_up();
    }
    MbufPool(const MbufPool&) = delete;
    MbufPool& operator=(const MbufPool&) = delete;
    ~MbufPool() = default;

    /// A packet with `size` bytes (not cleared) in one segment and kHeaderRoom in front, when
    /// size fits inside; otherwise in one cluster (size <= kClusterBytes - kHeaderRoom). Empty
    /// when there is no memory.
    [[nodiscard]] Mbuf allocate(std::size_t size, Reserve reserve = Reserve::keep);
    /// A packet that owns one whole empty cluster: what a receive ring is filled with. Size 2048.
    [[nodiscard]] Mbuf allocate_cluster(Reserve reserve = Reserve::keep);
    /// A chain that holds a copy of `bytes`: one segment when they fit inside with kHeaderRoom,
    /// full clusters otherwise. Empty when there is no memory.
    [[nodiscard]] Mbuf copy_in(std::span<const std::byte> bytes, Reserve reserve = Reserve::keep);
    /// A packet that holds a copy of `headers`, out of the reserve too; no room in front.
    [[nodiscard]] Mbuf copy_headers(const HeaderImage& headers);
    /// A read-only packet over static memory, without copying.
    [[nodiscard]] Mbuf refer_to(std::span<const std::byte> bytes, Reserve reserve = Reserve::keep);

    [[nodiscard]] const PoolStats& segment_stats() const { return segment_stats_; }
    [[nodiscard]] const PoolStats& cluster_stats() const { return cluster_stats_; }
    /// Less than `eighths` of the segments and clusters are in use.
    [[nodiscard]] bool used_below(std::uint32_t eighths) const {
        return cluster_stats_.used * 8 < cluster_stats_.total * eighths &&
               segment_stats_.used * 8 < segment_stats_.total * eighths;
    }
    /// What watches over them in debug images, or nullptr.
    [[nodiscard]] const PoolGuard* segment_guard() const { return segments_.guard(); }
    [[nodiscard]] const PoolGuard* cluster_guard() const { return clusters_.guard(); }
    /// Makes the n-th allocation of a segment or cluster from now fail once (1 = the next;
    /// 0 = none): for tests.
    void fail_nth(std::uint32_t n) { fail_countdown_ = n; }

private:
    FreeList<Segment> segments_;
    FreeList<Cluster> clusters_;
    // Of each cluster: how many segments point at it, and whether the processor has written to it.
    static constexpr std::uint16_t kWritten = 0x8000;
    static constexpr std::uint16_t kReferencesMax = kWritten - 1;
    std::span<std::uint16_t> references_;
    [[no_unique_address]] CallerNote caller_;
    PoolStats segment_stats_{};
    PoolStats cluster_stats_{};
    std::uint32_t reserved_segments_{0};
    std::uint32_t reserved_clusters_{0};
    std::uint32_t fail_countdown_{0};

    void set_up();
    [[nodiscard]] Segment* take_segment(Reserve reserve);
    [[nodiscard]] Cluster* take_cluster(Reserve reserve);
    [[nodiscard]] Segment* take_piece(const Segment& of, std::size_t offset, std::size_t count,
                                      Reserve reserve);
    void free_segment(Segment& segment);
    [[nodiscard]] std::uint16_t& references_of(const Cluster& cluster) {
        return references_[clusters_.index_of(cluster)];
    }
    [[nodiscard]] bool exclusive(const Segment& segment);
    void note_written(const Segment& segment) {
        if (segment.cluster != nullptr) references_of(*segment.cluster) |= kWritten;
    }
    [[nodiscard]] bool injected_failure();
    static Mbuf packet_of(Segment& segment);
};

inline std::size_t Mbuf::give_up_writes() {
    // The free list has written its link, in debug images poison everywhere.
    constexpr std::size_t kLink = kDebugPools ? kClusterBytes : sizeof(void*);
    std::uint16_t& references = head_->pool->references_of(*head_->cluster);
    const std::uint16_t before = std::exchange(references, std::uint16_t{1});
    return before == 1 ? kLink : kClusterBytes;
}

}  // namespace kyu::net
