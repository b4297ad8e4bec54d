// SockBuf.
//
// Lock      the network lock.
#include "net/socket/sockbuf.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "net/tcp/config.hpp"

namespace kyu::net {

namespace {

constexpr std::uint32_t kPieceMax = kClusterBytes - kHeaderRoom;

bool pool_has_room(const MbufPool& pool) { return pool.used_below(kPoolEighthsForSend); }

}  // namespace

void unpin_small(Mbuf& data) {
    const Segment* head = data.head();
    if (head == nullptr || head->cluster == nullptr) return;
    if (data.size() > Segment::kInside - kHeaderRoom) return;
    Mbuf small = head->pool->allocate(data.size());
    if (!small) return;  // it was only thrift
    data.copy_out(0, small.writable_front());
    data = std::move(small);
}

std::uint32_t SockBuf::space() const {
    if (chain_.size() >= limit_ || memory_ >= memory_limit_) return 0;
    return limit_ - chain_.size();
}

void SockBuf::append(Mbuf&& data) {
    memory_ += data.memory();
    tail_fill_ = kPieceMax;  // a received packet is not grown
    chain_.append(std::move(data));
}

void SockBuf::append_received(Mbuf&& data) {
    if (data.size() <= Segment::kInside - kHeaderRoom && data.segments() == 1) {
        const std::size_t copied = chain_.append_inside(data.front());
        if (copied == data.size()) return;
        data.trim_front(copied);
        unpin_small(data);
    }
    append(std::move(data));
}

std::size_t SockBuf::append_copy(MbufPool& pool, std::span<const std::byte> bytes,
                                 std::uint32_t piece_bytes) {
    const std::uint32_t piece = std::clamp(piece_bytes, std::uint32_t{1}, kPieceMax);
    std::size_t left = std::min<std::size_t>(bytes.size(), space());
    const std::size_t wanted = left;
    if (left > 0 && chain_.size() > 0 && tail_fill_ < piece) {
        const std::size_t fits = std::min<std::size_t>(left, piece - tail_fill_);
        const std::size_t count = chain_.append_inside(bytes.first(fits));
        tail_fill_ += static_cast<std::uint32_t>(count);
        bytes = bytes.subspan(count);
        left -= count;
    }
    while (left > 0 && pool_has_room(pool)) {
        const std::size_t count = std::min<std::size_t>(left, piece);
        Mbuf part = pool.allocate(count);
        if (!part) break;
        std::memcpy(part.writable_front().data(), bytes.data(), count);
        memory_ += part.memory();
        chain_.append(std::move(part));
        tail_fill_ = static_cast<std::uint32_t>(count);
        bytes = bytes.subspan(count);
        left -= count;
    }
    return wanted - left;
}

std::size_t SockBuf::append_static(MbufPool& pool, std::span<const std::byte> bytes) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), space());
    if (count == 0 || !pool_has_room(pool)) return 0;
    Mbuf part = pool.refer_to(bytes.first(count));
    if (!part) return 0;
    append(std::move(part));
    return count;
}

void SockBuf::drop(std::uint32_t count) {
    CHECK(count <= chain_.size());
    if (count == chain_.size()) {
        clear();  // also drops the empty shell that Mbuf::trim_front would keep
        return;
    }
    std::uint32_t left = count;
    for (const Segment* s = chain_.head(); left >= s->size; s = s->next) {
        left -= s->size;
        memory_ -= s->memory();
        if (left == 0) break;
    }
    chain_.trim_front(count);
}

Mbuf SockBuf::share(std::uint32_t offset, std::uint32_t count) const {
    return chain_.share(offset, count);
}

std::size_t SockBuf::take(std::span<std::byte> to) {
    const std::size_t count = std::min<std::size_t>(to.size(), chain_.size());
    if (count == 0) return 0;
    chain_.copy_out(0, to.first(count));
    drop(static_cast<std::uint32_t>(count));
    return count;
}

void SockBuf::clear() {
    chain_ = Mbuf{};
    memory_ = 0;
    tail_fill_ = 0;
}

bool SockBuf::compact(MbufPool& pool) {
    Mbuf packed;
    std::uint32_t offset = 0;
    while (offset < chain_.size()) {
        const std::uint32_t count = std::min(chain_.size() - offset, kPieceMax);
        Mbuf part = pool.allocate(count);
        if (!part) return false;
        chain_.copy_out(offset, part.writable_front());
        packed.append(std::move(part));
        offset += count;
    }
    chain_ = std::move(packed);
    memory_ = chain_.memory();
    tail_fill_ = kPieceMax;
    return true;
}

bool SockBuf::consistent() const {
    std::uint32_t bytes = 0;
    std::uint32_t memory = 0;
    for (const Segment* s = chain_.head(); s != nullptr; s = s->next) {
        bytes += s->size;
        memory += s->memory();
    }
    return bytes == chain_.size() && memory == memory_;
}

}  // namespace kyu::net
