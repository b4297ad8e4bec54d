// PacketQueue: a few packets waiting, first in, first out.
//
// Ownership owns what is in it; dying or clear() frees everything.
// Lock      the network lock.
// Limits    N; push() on a full queue refuses and the packet is dropped by the caller.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "net/packet/mbuf.hpp"

namespace kyu::net {

template <std::size_t N, typename T = Mbuf>
class PacketQueue {
    std::array<T, N> slots_{};
    std::size_t first_{0};
    std::size_t count_{0};

public:
    static constexpr std::size_t capacity = N;

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool full() const { return count_ == N; }
    [[nodiscard]] std::size_t size() const { return count_; }

    /// False when the queue is full; `packet` is then untouched.
    [[nodiscard]] bool push(T&& packet) {
        if (full()) return false;
        slots_[(first_ + count_) % N] = std::move(packet);
        ++count_;
        return true;
    }
    /// The oldest; a default T when the queue is empty.
    T pop() {
        if (empty()) return T{};
        T packet = std::move(slots_[first_]);
        first_ = (first_ + 1) % N;
        --count_;
        return packet;
    }
    /// Calls f(const T&) for each, oldest first.
    template <typename F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < count_; ++i) f(slots_[(first_ + i) % N]);
    }
    void clear() {
        while (!empty()) pop();
    }
};

}  // namespace kyu::net
