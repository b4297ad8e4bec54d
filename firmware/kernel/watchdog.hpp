// Watchdog: notices that threads which could run do not, and says who keeps them from it.
//
// Rules     A thread that was ready at kStarvedLooks looks in a row and never ran meanwhile is
//           starved: a panic of kind hang, in which the running thread is the suspect. Whoever may
//           use all of the processor must pause for less urgent threads (net/net.hpp does).
//           Spinning with interrupts off is beyond it: kernel/interrupt_watch.hpp.
// Context   start() from a thread; it looks from the timer interrupt, O(threads).
// Ownership static, or at least as long-lived as its kernel.
// Time      looks that were taken, not time that passed: see kernel/interrupt_watch.hpp.
#pragma once

#include "kernel/context.hpp"
#include "kernel/timer.hpp"

namespace kyu {

inline constexpr Duration kLookPeriod = Duration::from_ms(250);
inline constexpr unsigned kStarvedLooks = 10;

class Watchdog {
    Timer look_{&Watchdog::look, this};

    static void look(IrqContext& irq, void* watchdog);

public:
    void start(ThreadContext& self);
};

}  // namespace kyu
