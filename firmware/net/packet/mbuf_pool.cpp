// MbufPool: where segments and clusters come from and go back to.
//
// Lock      the network lock.
// Rules     a cluster is free when its reference count is 0; each segment that points at it holds
//           one reference. At most one segment of a cluster is not read-only.
#include <algorithm>
#include <cstring>

#include "base/caller.hpp"
#include "base/check.hpp"
#include "kernel/port.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

namespace {

/// How much of a pool only Reserve::use may take: enough for ACKs, resets and ARP while senders
/// hold everything else. Small pools (tests) keep an eighth.
constexpr std::uint32_t kReservedMax = 32;

std::uint32_t reserved_of(std::size_t total) {
    return std::min(kReservedMax, static_cast<std::uint32_t>(total / 8));
}

bool take_one(PoolStats& stats, std::uint32_t reserved, Reserve reserve) {
    const std::uint32_t limit = reserve == Reserve::use ? stats.total : stats.total - reserved;
    if (stats.used >= limit) {
        ++stats.failed;
        return false;
    }
    if (++stats.used > stats.high) stats.high = stats.used;
    return true;
}

}  // namespace

void MbufPool::set_up() {
    if constexpr (!kDebugPools) {  // there, a free segment keeps nothing
        for (std::size_t i = 0; i < segments_.size(); ++i) segments_[i].pool = this;
    }
    std::fill(references_.begin(), references_.end(), std::uint16_t{0});
    segment_stats_.total = static_cast<std::uint32_t>(segments_.size());
    cluster_stats_.total = static_cast<std::uint32_t>(clusters_.size());
    reserved_segments_ = reserved_of(segments_.size());
    reserved_clusters_ = reserved_of(clusters_.size());
}

bool MbufPool::injected_failure() {
    if (port::choose_to(ChoiceKind::allocation)) return true;
    return fail_countdown_ != 0 && --fail_countdown_ == 0;
}

bool MbufPool::exclusive(const Segment& segment) {
    return !segment.read_only &&
           (segment.cluster == nullptr || (references_of(*segment.cluster) & kReferencesMax) == 1);
}

Segment* MbufPool::take_segment(Reserve reserve) {
    if (injected_failure()) {
        ++segment_stats_.failed;
        return nullptr;
    }
    if (!take_one(segment_stats_, reserved_segments_, reserve)) return nullptr;
    Segment& s = segments_.take(caller_.by());
    s.next = nullptr;
    if constexpr (kDebugPools) s.pool = this;
    s.cluster = nullptr;
    s.data = s.inside.data();
    s.size = 0;
    s.read_only = false;
    return &s;
}

Cluster* MbufPool::take_cluster(Reserve reserve) {
    if (injected_failure()) {
        ++cluster_stats_.failed;
        return nullptr;
    }
    if (!take_one(cluster_stats_, reserved_clusters_, reserve)) return nullptr;
    Cluster& c = clusters_.take(caller_.by());
    ++references_of(c);
    return &c;
}

Segment* MbufPool::take_piece(const Segment& of, std::size_t offset, std::size_t count,
                              Reserve reserve) {
    // The reference count must not wrap: a cluster that is shared that often is as good as gone.
    if (of.cluster != nullptr && (references_of(*of.cluster) & kReferencesMax) == kReferencesMax) {
        return nullptr;
    }
    Segment* piece = take_segment(reserve);
    if (piece == nullptr) return nullptr;
    piece->size = static_cast<std::uint32_t>(count);
    if (of.cluster != nullptr) {
        ++references_of(*of.cluster);
        piece->cluster = of.cluster;
        piece->data = of.data + offset;
        piece->read_only = true;
    } else if (of.read_only) {
        piece->data = of.data + offset;
        piece->read_only = true;
    } else {
        std::memcpy(piece->data, of.data + offset, count);
    }
    return piece;
}

void MbufPool::free_segment(Segment& segment) {
    segments_.expect_lent(segment, caller_.by());
    if (segment.cluster != nullptr) {
        clusters_.expect_lent(*segment.cluster, caller_.by());
        std::uint16_t& references = references_of(*segment.cluster);
        CHECK((references & kReferencesMax) > 0);
        if ((--references & kReferencesMax) == 0) {  // what was written stays written
            clusters_.give_back(*segment.cluster, caller_.by());
            --cluster_stats_.used;
        }
    }
    CHECK(segment_stats_.used > 0);
    --segment_stats_.used;
    segments_.give_back(segment, caller_.by());
}

Mbuf MbufPool::packet_of(Segment& segment) {
    Mbuf packet;
    packet.head_ = packet.tail_ = &segment;
    packet.size_ = segment.size;
    return packet;
}

Mbuf MbufPool::allocate(std::size_t size, Reserve reserve) {
    const CallerNote::Scope noted{caller_, KYU_CALLER()};
    CHECK(size <= kClusterBytes - kHeaderRoom);
    if (size > Segment::kInside - kHeaderRoom) {
        Mbuf packet = allocate_cluster(reserve);
        if (!packet) return packet;
        packet.head_->data += kHeaderRoom;
        packet.head_->size = packet.size_ = static_cast<std::uint32_t>(size);
        return packet;
    }
    Segment* s = take_segment(reserve);
    if (s == nullptr) return {};
    s->data += kHeaderRoom;
    s->size = static_cast<std::uint32_t>(size);
    return packet_of(*s);
}

Mbuf MbufPool::allocate_cluster(Reserve reserve) {
    const CallerNote::Scope noted{caller_, KYU_CALLER()};
    Segment* s = take_segment(reserve);
    if (s == nullptr) return {};
    Cluster* c = take_cluster(reserve);
    if (c == nullptr) {
        free_segment(*s);
        return {};
    }
    s->cluster = c;
    s->data = c->bytes.data();
    s->size = kClusterBytes;
    return packet_of(*s);
}

Mbuf MbufPool::copy_in(std::span<const std::byte> bytes, Reserve reserve) {
    const CallerNote::Scope noted{caller_, KYU_CALLER()};
    if (bytes.size() <= Segment::kInside - kHeaderRoom) {
        Mbuf small = allocate(bytes.size(), reserve);
        if (small && !bytes.empty()) std::memcpy(small.head_->data, bytes.data(), bytes.size());
        return small;
    }
    Mbuf chain;
    while (!bytes.empty()) {
        Mbuf part = allocate_cluster(reserve);
        if (!part) return {};
        const std::size_t count = std::min(bytes.size(), kClusterBytes);
        std::memcpy(part.head_->data, bytes.data(), count);
        note_written(*part.head_);
        part.head_->size = part.size_ = static_cast<std::uint32_t>(count);
        chain.append(std::move(part));
        bytes = bytes.subspan(count);
    }
    return chain;
}

Mbuf MbufPool::copy_headers(const HeaderImage& headers) {
    const CallerNote::Scope noted{caller_, KYU_CALLER()};
    Segment* s = take_segment(Reserve::use);
    if (s == nullptr) return {};
    static_assert(Segment::kInside >= sizeof headers.bytes);
    std::memcpy(__builtin_assume_aligned(s->inside.data(), 8),
                __builtin_assume_aligned(headers.bytes.data(), 8), sizeof headers.bytes);
    s->size = headers.size;
    return packet_of(*s);
}

Mbuf MbufPool::refer_to(std::span<const std::byte> bytes, Reserve reserve) {
    const CallerNote::Scope noted{caller_, KYU_CALLER()};
    Segment* s = take_segment(reserve);
    if (s == nullptr) return {};
    // The pointer loses const here and nowhere else; read_only keeps every writer away from it.
    s->data = const_cast<std::byte*>(bytes.data());
    s->size = static_cast<std::uint32_t>(bytes.size());
    s->read_only = true;
    return packet_of(*s);
}

}  // namespace kyu::net
