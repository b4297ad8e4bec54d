// Ring: a fixed queue of values.
//
// Context   one producer and one consumer may be on different sides of an interrupt on one core;
//           anything else needs the caller's lock. Indices only grow, so full and empty differ.
// Limits    N is a power of two; push() on a full ring refuses, it never overwrites.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kyu {

template <typename T, std::size_t N>
class Ring {
    static_assert(N > 0 && (N & (N - 1)) == 0, "the index is masked, not divided");
    std::array<T, N> slots_{};
    std::atomic<std::uint32_t> head_{0};  // next to read; written by the consumer only
    std::atomic<std::uint32_t> tail_{0};  // next to write; written by the producer only

public:
    static constexpr std::size_t capacity = N;

    [[nodiscard]] std::size_t size() const {
        return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
    }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] bool full() const { return size() == N; }

    /// False when the ring is full.
    [[nodiscard]] bool push(const T& value) {
        if (full()) return false;
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        slots_[tail & (N - 1)] = value;
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }
    /// False when the ring is empty.
    [[nodiscard]] bool pop(T& out) {
        if (empty()) return false;
        const std::uint32_t head = head_.load(std::memory_order_relaxed);
        out = slots_[head & (N - 1)];
        head_.store(head + 1, std::memory_order_release);
        return true;
    }
};

}  // namespace kyu
