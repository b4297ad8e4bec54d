// Mbuf: chains. The pool's side is in mbuf_pool.cpp.
//
// Lock      the network lock.
// Rules     every function that can fail takes what it needs from the pool first and changes the
//           chain afterwards, so that a failure leaves the chain as it was.
#include "net/packet/mbuf.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/caller.hpp"
#include "base/check.hpp"

namespace kyu::net {

namespace {

std::uint32_t u32(std::size_t n) { return static_cast<std::uint32_t>(n); }

/// First byte and one past the last byte of the writable memory that `segment` lies in.
std::span<std::byte> memory_of(Segment& segment) {
    return segment.cluster != nullptr ? std::span<std::byte>{segment.cluster->bytes}
                                      : std::span<std::byte>{segment.inside};
}

}  // namespace

Mbuf& Mbuf::replace(Mbuf& other) {
    if (this != &other) {
        const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
        drop();
        head_ = std::exchange(other.head_, nullptr);
        tail_ = std::exchange(other.tail_, nullptr);
        size_ = std::exchange(other.size_, 0U);
    }
    return *this;
}

void Mbuf::drop() {
    const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
    for (Segment* s = head_; s != nullptr;) {
        Segment* next = s->next;
        s->pool->free_segment(*s);
        s = next;
    }
    head_ = tail_ = nullptr;
    size_ = 0;
}

std::uint32_t Mbuf::segments() const {
    std::uint32_t n = 0;
    for (const Segment* s = head_; s != nullptr; s = s->next) ++n;
    return n;
}

std::span<std::byte> Mbuf::writable_front() {
    if (head_ == nullptr) return {};
    CHECK(head_->pool->exclusive(*head_));
    head_->pool->note_written(*head_);
    return {head_->data, head_->size};
}

std::size_t Mbuf::room_in_front() const {
    if (!head_->pool->exclusive(*head_)) return 0;
    return static_cast<std::size_t>(head_->data - memory_of(*head_).data());
}

bool Mbuf::gather(std::size_t count) {
    if (count > size_ || count > Segment::kInside) return false;
    if (count == 0 || head_->size >= count) return true;
    const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
    Segment* fresh = head_->pool->take_segment(Reserve::use);
    if (fresh == nullptr) return false;
    // Keep room for headers in front when it fits: the packet may be sent back (echo).
    const std::size_t at = std::min(kHeaderRoom, (Segment::kInside - count) & ~std::size_t{7});
    fresh->data = fresh->inside.data() + at;
    copy_out(0, {fresh->data, count});
    fresh->size = u32(count);
    const std::uint32_t whole = size_;
    trim_front(count);
    fresh->next = head_;
    head_ = fresh;
    if (tail_ == nullptr) tail_ = fresh;
    size_ = whole;
    return true;
}

std::span<std::byte> Mbuf::prepend(std::size_t count) {
    CHECK(head_ != nullptr && count <= Segment::kInside);
    const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
    if (room_in_front() >= count) {
        head_->pool->note_written(*head_);
        head_->data -= count;
        head_->size += u32(count);
    } else {
        Segment* fresh = head_->pool->take_segment(Reserve::use);
        if (fresh == nullptr) return {};
        const std::size_t at = std::min(kHeaderRoom, (Segment::kInside - count) & ~std::size_t{7});
        fresh->data = fresh->inside.data() + at;
        fresh->size = u32(count);
        fresh->next = head_;
        head_ = fresh;
    }
    size_ += u32(count);
    return {head_->data, count};
}

void Mbuf::trim_segments_front(std::size_t count) {
    CHECK(count <= size_);
    if (count == 0) return;
    const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
    size_ -= u32(count);
    while (count > 0) {
        const std::size_t here = std::min<std::size_t>(count, head_->size);
        head_->data += here;
        head_->size -= u32(here);
        count -= here;
        if (head_->size > 0) continue;
        Segment* empty = head_;
        head_ = head_->next;
        empty->pool->free_segment(*empty);
    }
    if (head_ == nullptr) tail_ = nullptr;
}

void Mbuf::trim_segments_back(std::size_t count) {
    CHECK(count <= size_);
    if (count == 0) return;
    const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
    if (count == size_) return drop();
    size_ -= u32(count);
    if (tail_->size > count) {
        tail_->size -= u32(count);
        return;
    }
    std::size_t left = size_;
    Segment* last = head_;
    while (left > last->size) {
        left -= last->size;
        last = last->next;
    }
    last->size = u32(left);
    for (Segment* s = std::exchange(last->next, nullptr); s != nullptr;) {
        Segment* next = s->next;
        s->pool->free_segment(*s);
        s = next;
    }
    tail_ = last;
}

std::size_t Mbuf::append_inside(std::span<const std::byte> bytes) {
    if (tail_ == nullptr || tail_->read_only) return 0;
    const std::span<std::byte> memory = memory_of(*tail_);
    std::byte* end = tail_->data + tail_->size;
    const auto room = static_cast<std::size_t>(memory.data() + memory.size() - end);
    const std::size_t count = std::min(room, bytes.size());
    if (count == 0) return 0;
    std::memcpy(end, bytes.data(), count);
    tail_->pool->note_written(*tail_);
    tail_->size += u32(count);
    size_ += u32(count);
    return count;
}

Mbuf Mbuf::take_front(std::size_t count) {
    CHECK(count <= size_);
    if (count == 0) return {};
    if (count == size_) return std::move(*this);
    const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
    Segment* before = nullptr;
    Segment* at = head_;
    std::size_t left = count;
    while (left >= at->size) {
        left -= at->size;
        before = at;
        at = at->next;
    }
    Segment* piece = nullptr;
    if (left > 0) {
        piece = at->pool->take_piece(*at, 0, left, Reserve::use);
        if (piece == nullptr) return {};
        at->data += left;
        at->size -= u32(left);
    }
    Mbuf front;
    front.head_ = before != nullptr ? head_ : piece;
    front.tail_ = piece != nullptr ? piece : before;
    front.size_ = u32(count);
    if (before != nullptr) before->next = piece;
    head_ = at;
    size_ -= u32(count);
    return front;
}

Mbuf Mbuf::share(std::size_t offset, std::size_t count, Reserve reserve) const {
    CHECK(offset <= size_ && count <= size_ - offset);
    if (count == 0) return {};
    const CallerNote::Scope noted{head_->pool->caller_, KYU_CALLER()};
    Mbuf shared;
    const Segment* at = head_;
    for (; count > 0 && offset >= at->size; at = at->next) offset -= at->size;
    for (; count > 0; at = at->next, offset = 0) {
        const std::size_t here = std::min<std::size_t>(count, at->size - offset);
        if (here == 0) continue;
        Segment* piece = at->pool->take_piece(*at, offset, here, reserve);
        if (piece == nullptr) return {};
        if (shared.tail_ == nullptr) {
            shared.head_ = piece;
        } else {
            shared.tail_->next = piece;
        }
        shared.tail_ = piece;
        shared.size_ += u32(here);
        count -= here;
    }
    return shared;
}

void Mbuf::copy_out(std::size_t offset, std::span<std::byte> to) const {
    CHECK(offset <= size_ && to.size() <= size_ - offset);
    const Segment* at = head_;
    while (!to.empty()) {
        if (offset >= at->size) {
            offset -= at->size;
        } else {
            const std::size_t here = std::min<std::size_t>(to.size(), at->size - offset);
            std::memcpy(to.data(), at->data + offset, here);
            to = to.subspan(here);
            offset = 0;
        }
        at = at->next;
    }
}

}  // namespace kyu::net
