// Interrupts and crashes, as C++ sees them.
//
// Context   interrupts off, SVC mode; called by vectors.S and nobody else, except
//           set_irq_handler(), which the composition root calls before interrupts are on.
#pragma once

#include <array>
#include <cstdint>

#include "arch/armv7a/trap_frame.h"

namespace kyu::arch {

/// What a vector saved of the interrupted code. `pc` is the instruction that trapped.
struct TrapFrame {
    std::array<std::uint32_t, 13> r;  ///< r0-r12
    std::uint32_t sp;
    std::uint32_t lr;
    std::uint32_t pc;
    std::uint32_t cpsr;
    std::uint32_t kind;  ///< TRAP_*
};
static_assert(sizeof(TrapFrame) == TRAP_FRAME_BYTES);

/// What every interrupt calls: on the interrupted thread's stack, and it may switch threads.
void set_irq_handler(void (*handler)());

}  // namespace kyu::arch
