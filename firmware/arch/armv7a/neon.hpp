// NeonRegisters: d16-d31, kept for whoever was interrupted.
//
// Rules     Only loops in assembly use NEON, and only d16-d31, which are dead across every call
//           (AAPCS). So a switch that a thread asks for loses nothing; an interrupt keeps them,
//           since it may end in another thread. A fast interrupt and secondary cores use none.
// Context   the way in and out of an interrupt.
#pragma once

#include <array>
#include <cstdint>

namespace kyu::arch {

class NeonRegisters {
    std::array<std::uint64_t, 16> d_;

public:
    NeonRegisters() {
        __asm__ volatile(".fpu neon-vfpv4\n\tvstmia %0, {d16-d31}" ::"r"(d_.data()) : "memory");
    }
    ~NeonRegisters() {
        __asm__ volatile(".fpu neon-vfpv4\n\tvldmia %0, {d16-d31}" ::"r"(d_.data()) : "memory");
    }
    NeonRegisters(const NeonRegisters&) = delete;
    NeonRegisters& operator=(const NeonRegisters&) = delete;
};

}  // namespace kyu::arch
