// Interrupt numbers of the H3, as the GIC counts them (shared interrupts begin at 32).
//
// Source    Allwinner H3 user manual, GIC; private timer numbers: GIC-400 and Cortex-A7 TRM.
#pragma once

#include <cstdint>

namespace kyu::board {

enum class Irq : std::uint16_t {
    timer_hypervisor = 26,
    timer_virtual = 27,  ///< the one we use: it has this number in both worlds
    timer_secure = 29,
    timer_non_secure = 30,
    uart0 = 32,
    watchdog = 57,
    emac = 114,
};

inline constexpr unsigned kIrqLines = 160;

}  // namespace kyu::board
