// InterruptWatch: told from a few numbers, whether interrupts still come and still end.
//
//     FIQ every kInterruptWatchPeriod:  watch.tick(kernel.irq_count(), kernel.in_irq())
//
// Rules     Something must interrupt at least once in kInterruptWatchTicks ticks, or silence means
//           nothing: the kernel's Watchdog arms its timer more often than that.
// Context   whatever interrupts the interrupts: it reads two words and touches nothing of the
//           kernel, whose lists may be half changed. Pure.
// Time      ticks that were taken, not time that passed: a host that held the emulator still, or a
//           debugger, is no hang.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace kyu {

inline constexpr Duration kInterruptWatchPeriod = Duration::from_ms(50);
inline constexpr unsigned kInterruptWatchTicks = 20;
/// A storm: at least so many interrupts a tick, and the tick itself falls into a handler in more
/// than three of four. Traffic brings as many interrupts, but it is the threads that work then.
inline constexpr std::uint32_t kStormPerTick = 100;

enum class InterruptTrouble : std::uint8_t {
    none,
    off,      ///< a thread has turned them off for too long
    handler,  ///< a handler does not return
    storm     ///< handlers follow each other without end
};

class InterruptWatch {
    std::uint32_t irqs_{0};
    unsigned silent_{0};  // ticks in a row without an interrupt
    unsigned stormy_{0};  // ticks inside a handler, less three for each outside

public:
    /// One look. `irqs` counts interrupts since boot and may wrap.
    InterruptTrouble tick(std::uint32_t irqs, bool in_irq) {
        const std::uint32_t came = irqs - irqs_;
        irqs_ = irqs;
        silent_ = came == 0 ? silent_ + 1 : 0;
        if (in_irq && came >= kStormPerTick) {
            ++stormy_;
        } else {
            stormy_ = stormy_ > 3 ? stormy_ - 3 : 0;
        }
        if (silent_ >= kInterruptWatchTicks) {
            return in_irq ? InterruptTrouble::handler : InterruptTrouble::off;
        }
        return stormy_ >= kInterruptWatchTicks ? InterruptTrouble::storm : InterruptTrouble::none;
    }
};

}  // namespace kyu
