// Context as an argument: who is allowed to do what.
//
// Rules     ThreadContext&  the caller is a thread: it may block.
//           IrqContext&     the caller is an interrupt handler: it may signal, never block.
//           IrqsOff&        interrupts are off on this core: run queues and wait queues may change.
//           None of the three can be made outside the kernel, so a function that asks for one is
//           safe by its signature. None is stored beyond the call.
#pragma once

#include "base/time.hpp"

namespace kyu {

class Kernel;
class Thread;

class ThreadContext {
    friend class Kernel;
    Kernel& kernel_;
    Thread& thread_;
    ThreadContext(Kernel& kernel, Thread& thread) : kernel_(kernel), thread_(thread) {}

public:
    ThreadContext(const ThreadContext&) = delete;
    ThreadContext& operator=(const ThreadContext&) = delete;

    [[nodiscard]] Kernel& kernel() const { return kernel_; }
    [[nodiscard]] Thread& thread() const { return thread_; }

    /// Microseconds since boot.
    [[nodiscard]] Instant now() const;
    /// Sleeps until `deadline` or later.
    void sleep_until(Instant deadline);
    void sleep_for(Duration duration) { sleep_until(now() + duration); }
    /// Lets the next thread of the same priority run.
    void yield();
};

class IrqContext {
    friend class Kernel;
    Kernel& kernel_;
    explicit IrqContext(Kernel& kernel) : kernel_(kernel) {}

public:
    IrqContext(const IrqContext&) = delete;
    IrqContext& operator=(const IrqContext&) = delete;
    [[nodiscard]] Kernel& kernel() const { return kernel_; }
};

/// Interrupts are off while this object lives. Nests.
class IrqsOff {
    unsigned saved_;

public:
    explicit IrqsOff(ThreadContext& self);
    explicit IrqsOff(IrqContext& irq);
    ~IrqsOff();
    IrqsOff(const IrqsOff&) = delete;
    IrqsOff& operator=(const IrqsOff&) = delete;
};

}  // namespace kyu
