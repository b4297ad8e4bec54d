// Timer: a callback at a time.
//
// Context   arm and cancel from threads and interrupts; the callback runs in the timer interrupt:
//           short, bounded, and it may signal but not block.
// Ownership the caller owns the Timer; ~Timer cancels.
// Order     by deadline; equal deadlines in the order they were armed. A callback may arm its own
//           timer again. One interrupt runs at most as many callbacks as were armed when it came.
// Limits    kTimersMax armed at once, thread deadlines included: CHECKed, since timers are static.
// Time      a past deadline fires at the next chance.
#pragma once

#include <cstddef>

#include "base/intrusive_list.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"

namespace kyu {

inline constexpr std::size_t kTimersMax = 160;

struct TimerTag;

class Timer : public ListLink<TimerTag> {
    friend class DeadlineQueue;
    friend class Kernel;

public:
    using Callback = void (*)(IrqContext& irq, void* argument);

private:
    Callback callback_;
    void* argument_;
    Instant deadline_{Instant::never()};
    Kernel* kernel_{nullptr};  // while armed

public:
    Timer(Callback callback, void* argument) : callback_(callback), argument_(argument) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

    /// Fires at `deadline`; replaces the deadline before. Instant::never() cancels.
    void arm(ThreadContext& self, Instant deadline);
    void arm(IrqContext& irq, Instant deadline);
    /// True: it was armed and will not fire.
    bool cancel(ThreadContext& self);
    bool cancel(IrqContext& irq);
    [[nodiscard]] bool armed() const { return linked(); }
};

/// Armed timers in the order of their deadlines. Interrupts are off at every call.
class DeadlineQueue {
    IntrusiveList<Timer, TimerTag> timers_;
    std::size_t size_{0};

public:
    void insert(Timer& timer, Instant deadline);
    void remove(Timer& timer);
    [[nodiscard]] Timer* first() { return timers_.front(); }
    /// Deadline of the first; never() when there is none.
    [[nodiscard]] Instant next_deadline();
    /// Takes the first whose deadline has come, or nullptr.
    [[nodiscard]] Timer* pop_due(Instant now);
    [[nodiscard]] std::size_t size() const { return size_; }
};

}  // namespace kyu
