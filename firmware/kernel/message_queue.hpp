// MessageQueue: values handed from one thread, or an interrupt, to a thread.
//
// Context   send and receive from threads; try_send from interrupts too.
// Order     first in, first out; waiters by priority, first come first served among equals.
// Limits    N messages. A full queue makes a sender wait, or try_send return false.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include "kernel/context.hpp"
#include "kernel/semaphore.hpp"

namespace kyu {

template <typename T, std::size_t N>
class MessageQueue {
    static_assert(std::is_trivially_copyable_v<T>, "copied with interrupts off");
    std::array<T, N> slots_{};
    std::size_t first_{0};
    std::size_t size_{0};
    Semaphore messages_;
    Semaphore room_;

    template <typename Context>
    void put(Context& context, const T& message) {
        IrqsOff off{context};
        slots_[(first_ + size_) % N] = message;
        ++size_;
    }

public:
    explicit MessageQueue(const char* name)
        : messages_(name, 0), room_(name, static_cast<unsigned>(N)) {}

    /// False: still full when the deadline passed.
    bool send(ThreadContext& self, const T& message, Instant deadline) {
        if (!room_.wait(self, deadline)) return false;
        put(self, message);
        messages_.signal(self);
        return true;
    }
    [[nodiscard]] bool try_send(IrqContext& irq, const T& message) {
        if (!room_.try_wait(irq)) return false;
        put(irq, message);
        messages_.signal(irq);
        return true;
    }
    /// False: still empty when the deadline passed.
    bool receive(ThreadContext& self, T& out, Instant deadline) {
        if (!messages_.wait(self, deadline)) return false;
        {
            IrqsOff off{self};
            out = slots_[first_];
            first_ = (first_ + 1) % N;
            --size_;
        }
        room_.signal(self);
        return true;
    }
    [[nodiscard]] std::size_t size() const { return size_; }
};

}  // namespace kyu
