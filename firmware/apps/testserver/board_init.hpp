// The board's devices, and the part of kernel/port.hpp that needs them.
//
// Context   board_init() once, from kyu_main(), on the boot stack with interrupts off. Afterwards
//           attach interrupts and start threads, then Kernel::start().
// Ownership everything here is static and lives as long as the board.
#pragma once

#include <cstdint>
#include <string_view>

#include "apps/testserver/breakable_io.hpp"
#include "board/orangepi-pc/irqs.hpp"
#include "drivers/gic/gic.hpp"
#include "drivers/mmio.hpp"
#include "drivers/uart/uart.hpp"
#include "kernel/console.hpp"
#include "kernel/context.hpp"
#include "kernel/kernel.hpp"

namespace kyu::app {

using BoardGic = gic::Gic<MmioIo, IrqContext, board::kIrqLines>;
#if defined(KYU_DEFECTS)
using UartIo = BreakableIo;
#else
using UartIo = MmioIo;
#endif
using BoardUart = uart::Uart<UartIo>;

struct Board {
    Kernel& kernel;
    Console& console;
    BoardUart& uart;
    BoardGic& gic;
    /// Boot arguments without their mark; empty when there are none. Read-only memory.
    std::string_view args;
};

/// Brings up clocks, console, interrupts and time, and prints the `boot` line.
Board board_init();

/// Calls `handler(irq, argument)` for every interrupt `irq` from now on.
inline void attach(Board& board, board::Irq irq, BoardGic::Handler handler, void* argument) {
    board.gic.attach(static_cast<unsigned>(irq), handler, argument);
}

/// Clocks, resets and PHY path of the Ethernet, before its driver starts. Takes about 2 ms.
void enable_ethernet();

/// From now on port::entropy() is a sequence that `seed` alone decides: for runs to be repeated.
void seed_entropy(std::uint64_t seed);

}  // namespace kyu::app
