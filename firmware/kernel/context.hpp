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
    /// From now on Thread::kill() ends every wait of this thread but that for a mutex, and this
    /// thread promises to return soon once should_end() says so (kernel/control.cpp).
    void accept_kill();
    /// Somebody has called kill() on this thread, and it has accepted that.
    [[nodiscard]] bool should_end() const;
    /// Ends the calling thread, as returning from its entry does. Objects on its stack are not
    /// destroyed: it must hold nothing (a held mutex is a panic).
    [[noreturn]] void exit();
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

/// Interrupts are off while this object lives. Nests. When the outermost one of a thread ends, a
/// more urgent thread that became ready meanwhile runs at once.
class IrqsOff {
    friend class Kernel;
    Kernel& kernel_;
    bool outermost_;  // before saved_: asks how things were before
    unsigned saved_;
    explicit IrqsOff(Kernel& kernel);

public:
    explicit IrqsOff(ThreadContext& self) : IrqsOff(self.kernel()) {}
    explicit IrqsOff(IrqContext& irq) : IrqsOff(irq.kernel()) {}
    ~IrqsOff();
    IrqsOff(const IrqsOff&) = delete;
    IrqsOff& operator=(const IrqsOff&) = delete;
    [[nodiscard]] Kernel& kernel() const { return kernel_; }
    /// Interrupts were on before: only then may the thread sleep.
    [[nodiscard]] bool outermost() const { return outermost_; }
};

}  // namespace kyu
