// CharQueue: bytes from an interrupt, or a thread, to one thread.
//
// Context   put from interrupts and threads, none of them waits; get and read from one thread.
// Order     first in, first out.
// Limits    N bytes, a power of two. What comes when it is full is dropped and counted: whoever
//           reads may ask, an interrupt never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ring.hpp"
#include "kernel/context.hpp"
#include "kernel/port.hpp"
#include "kernel/wait_queue.hpp"

namespace kyu {

template <std::size_t N>
class CharQueue {
    Ring<char, N> ring_;
    WaitQueue readers_;
    std::uint32_t dropped_{0};
    std::size_t high_{0};

    template <typename Context>
    bool put_from(Context& context, char c) {
        IrqsOff off{context};
        if (!ring_.push(c)) {
            ++dropped_;
            return false;
        }
        if (ring_.size() > high_) high_ = ring_.size();
        readers_.wake_one(off);
        return true;
    }

public:
    explicit CharQueue(const char* name) : readers_(name, "characters") {}

    /// False: there was no room, and `c` is dropped.
    bool put(IrqContext& irq, char c) { return put_from(irq, c); }
    bool put(ThreadContext& self, char c) { return put_from(self, c); }
    /// Takes the oldest. False: still empty when the deadline passed, or the thread was killed.
    bool get(ThreadContext& self, char& c, Instant deadline) {
        port::scheduling_point();
        IrqsOff off{self};
        while (!ring_.pop(c)) {
            if (!readers_.wait(off, deadline)) return false;
        }
        return true;
    }
    /// Waits for one and takes as many as there are and fit. Returns how many; 0 as get().
    std::size_t read(ThreadContext& self, std::span<char> into, Instant deadline) {
        if (into.empty() || !get(self, into[0], deadline)) return 0;
        IrqsOff off{self};
        std::size_t n = 1;
        while (n < into.size() && ring_.pop(into[n])) ++n;
        return n;
    }
    [[nodiscard]] std::size_t size() const { return ring_.size(); }
    /// Most bytes that were ever queued at once.
    [[nodiscard]] std::size_t high() const { return high_; }
    [[nodiscard]] std::uint32_t dropped() const { return dropped_; }
};

}  // namespace kyu
