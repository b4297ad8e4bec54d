// TimerHeap: which connection has something to do next.
//
// Rules     A connection is filed under an instant that is not later than its earliest deadline;
//           deadlines move later all the time (every ACK), and refiling is put off until the filed
//           instant comes. So arming is O(1) in the common case and next() always.
// Ownership owns nothing. A connection leaves before it dies.
// Lock      the network lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/check.hpp"
#include "base/time.hpp"

namespace kyu::net {

/// T has members `Instant filed_at` and `std::uint32_t heap_index` (kUnfiled at first).
template <typename T, std::size_t N>
class TimerHeap {
    std::array<T*, N> heap_{};
    std::size_t size_{0};

    void place(std::size_t i, T& t) {
        heap_[i] = &t;
        t.heap_index = static_cast<std::uint32_t>(i);
    }
    void rise(std::size_t i) {
        T& moving = *heap_[i];
        while (i > 0 && moving.filed_at < heap_[(i - 1) / 2]->filed_at) {
            place(i, *heap_[(i - 1) / 2]);
            i = (i - 1) / 2;
        }
        place(i, moving);
    }
    void sink(std::size_t i) {
        T& moving = *heap_[i];
        for (;;) {
            std::size_t child = 2 * i + 1;
            if (child >= size_) break;
            if (child + 1 < size_ && heap_[child + 1]->filed_at < heap_[child]->filed_at) ++child;
            if (!(heap_[child]->filed_at < moving.filed_at)) break;
            place(i, *heap_[child]);
            i = child;
        }
        place(i, moving);
    }

public:
    static constexpr std::uint32_t kUnfiled = UINT32_MAX;

    /// Whether at_latest() has anything to do; deadlines move later all the time, so seldom.
    [[nodiscard]] static bool must_file(const T& t, Instant at) {
        return t.heap_index == kUnfiled || at < t.filed_at;
    }
    /// Makes sure that `t` comes up at `at` or earlier.
    [[gnu::noinline]] void at_latest(T& t, Instant at) {
        if (t.heap_index == kUnfiled) {
            CHECK(size_ < N);
            t.filed_at = at;
            place(size_, t);
            rise(size_++);
        } else if (at < t.filed_at) {
            t.filed_at = at;
            rise(t.heap_index);
        }
    }
    void remove(T& t) {
        if (t.heap_index == kUnfiled) return;
        const std::size_t i = std::exchange(t.heap_index, kUnfiled);
        T& last = *heap_[--size_];
        if (&last == &t) return;
        place(i, last);
        rise(i);
        sink(last.heap_index);
    }
    [[nodiscard]] Instant next() const {
        return size_ == 0 ? Instant::never() : heap_[0]->filed_at;
    }
    /// Takes out the first one that is filed at `now` or earlier; nullptr when there is none.
    T* take_due(Instant now) {
        if (size_ == 0 || now < heap_[0]->filed_at) return nullptr;
        T* first = heap_[0];
        remove(*first);
        return first;
    }
    [[nodiscard]] std::size_t size() const { return size_; }
};

}  // namespace kyu::net
