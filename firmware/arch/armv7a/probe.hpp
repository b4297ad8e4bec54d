// Whether an address may be read, as the processor itself sees it.
//
// Context   PL1. Interrupts are off for the two instructions that belong together.
// Source    ARM ARM DDI 0406C B3.12.7 (address translation), B4.1.112 (PAR).
#pragma once

#include <cstdint>

#include "arch/armv7a/cp15.hpp"
#include "kernel/port.hpp"

namespace kyu::arch {

/// True when the translation table in use maps `address` for reading: guard pages and holes say no.
inline bool is_mapped(std::uintptr_t address) {
    constexpr std::uint32_t kFault = 1;
    const unsigned saved = port::irq_save();
    std::uint32_t par;
    __asm__ volatile(
        "mcr p15, 0, %1, c7, c8, 0\n\t"  // ATS1CPR: as a read of PL1
        "isb\n\t"
        "mrc p15, 0, %0, c7, c4, 0"  // PAR
        : "=r"(par)
        : "r"(address)
        : "memory");
    port::irq_restore(saved);
    return (par & kFault) == 0;
}

}  // namespace kyu::arch
