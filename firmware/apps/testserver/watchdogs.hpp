// Watchdogs: three that watch each other, from the mildest to the last.
//
//   threads      Watchdog (kernel): a thread that is ready and does not run. Names who is to blame.
//   interrupts   the fast interrupt (fiq_watchdog.hpp): interrupts off, a handler that stays, a
//                storm.
//   the board    the H3's own: reset, when what feeds it has not run for its period. The record of
//                the crash before it is told at the next boot.
//
// Rules     The hardware is fed by a thread as urgent as the services: it lives when they can.
// Context   start() once, from a thread.
// Ownership owns the thread that feeds.
#pragma once

#include "apps/testserver/board_init.hpp"
#include "apps/testserver/boot_config.hpp"
#include "kernel/thread.hpp"
#include "kernel/watchdog.hpp"

namespace kyu::app {

class Watchdogs {
    Board& board_;
    WatchdogConfig config_;
    Watchdog threads_;
    ThreadStack<4096> stack_;
    Thread feeder_;

    [[noreturn]] static void feed(ThreadContext& self, void* unused);

public:
    Watchdogs(Board& board, const WatchdogConfig& config);
    /// Starts what config says, and tells it in the frame `watchdog`. `fast`: whether fast
    /// interrupts come.
    void start(ThreadContext& self, bool fast);
};

}  // namespace kyu::app
