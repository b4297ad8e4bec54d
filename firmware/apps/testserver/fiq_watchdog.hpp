// The fast interrupt that looks whether ordinary ones still come: the board explains a hang even
// with interrupts off.
//
// Rules     Only where the image runs in the Secure world; start_fiq_watchdog() tries it out and
//           says so. What it finds is a panic of kind hang about the code that was interrupted.
//           During a crash report it looks away.
// Context   start once at boot, interrupts off, after the GIC; the rest happens in FIQ mode.
// Source    ARM IHI 0048 §1.4, GIC support for FIQs; kernel/interrupt_watch.hpp for what is a hang.
#pragma once

#include "apps/testserver/board_init.hpp"

namespace kyu::app {

/// True: fast interrupts come. False: this world has none (the image was started in HYP mode).
bool start_fiq_watchdog(Board& board);

}  // namespace kyu::app
