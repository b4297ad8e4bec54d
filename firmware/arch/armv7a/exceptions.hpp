// Interrupts and crashes, as C++ sees them.
//
// Context   interrupts off, SVC mode (fast interrupts: FIQ mode, its own stack); called by
//           vectors.S and nobody else, except the setters, which the composition root calls before
//           interrupts are on.
#pragma once

#include <array>
#include <cstdint>

#include "arch/armv7a/trap_frame.h"
#include "kernel/port.hpp"

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

/// What every fast interrupt calls. It comes in the middle of anything, kernel calls included: it
/// may read single words of the kernel and panic, and nothing else.
void set_fiq_handler(void (*handler)(const TrapFrame& interrupted));
/// Lets fast interrupts in, for good. Without a handler the first one is a crash.
void enable_fiq();

[[nodiscard]] Registers registers_of(const TrapFrame& frame);

}  // namespace kyu::arch
