// Semaphore: a count of things that are there to be taken.
//
// Context   wait from threads; signal from threads and interrupts.
// Order     a signal is handed to the most urgent waiter, first come first served among equals; or,
//           with WaitOrder::fifo, to who has waited longest. Who comes later cannot overtake.
// Time      wait with a past deadline takes what is there and never sleeps.
#pragma once

#include "kernel/context.hpp"
#include "kernel/wait_queue.hpp"

namespace kyu {

class Semaphore {
    unsigned count_;
    WaitQueue waiters_;

    void signal(IrqsOff& off);

public:
    explicit Semaphore(const char* name, unsigned initial, WaitOrder order = WaitOrder::priority)
        : count_(initial), waiters_(name, "semaphore", order) {}

    /// Takes one, sleeping until there is one. False: the deadline passed, or
    /// the thread was killed.
    bool wait(ThreadContext& self, Instant deadline);
    /// Takes one if there is one.
    [[nodiscard]] bool try_wait(ThreadContext& self);
    [[nodiscard]] bool try_wait(IrqContext& irq);
    void signal(ThreadContext& self);
    void signal(IrqContext& irq);
    /// How many are there; may be old news by the time it is read.
    [[nodiscard]] unsigned count() const { return count_; }
};

}  // namespace kyu
