// Who this core is, and what it has: read-only registers.
//
// Context   PL1, any core; with or without MMU.
// Source    ARM ARM DDI 0406C, B4.1.
#pragma once

#include <cstdint>

namespace kyu::arch {

inline std::uint32_t read_midr() {
    std::uint32_t value;
    __asm__ volatile("mrc p15, 0, %0, c0, c0, 0" : "=r"(value));
    return value;
}

inline std::uint32_t read_mpidr() {
    std::uint32_t value;
    __asm__ volatile("mrc p15, 0, %0, c0, c0, 5" : "=r"(value));
    return value;
}

inline std::uint32_t read_clidr() {
    std::uint32_t value;
    __asm__ volatile("mrc p15, 1, %0, c0, c0, 1" : "=r"(value));
    return value;
}

}  // namespace kyu::arch
