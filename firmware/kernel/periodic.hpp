// PeriodicThread: a thread that runs a function once every period.
//
// Context   start and stop from threads; the function runs in the thread and may block.
// Ownership the caller owns it and its stack, and keeps both until it has stopped.
// Time      Round n is due at start + n periods: a late round does not move the next ones. A round
//           whose time has passed before it could begin is left out and counted as an overrun.
// Rules     It accepts kill: stop() ends the wait between two rounds; a round that sleeps has its
//           sleep cut short, and is then the last.
#pragma once

#include <cstdint>

#include "kernel/thread.hpp"

namespace kyu {

class PeriodicThread {
public:
    using Body = void (*)(ThreadContext& self, void* argument);

private:
    Thread thread_;
    Duration period_;
    Body body_;
    void* argument_;
    std::uint32_t rounds_{0};
    std::uint32_t overruns_{0};

    void run(ThreadContext& self);

public:
    /// `period` is more than zero.
    PeriodicThread(const char* name, Priority priority, std::span<std::byte> stack, Duration period,
                   Body body, void* argument);

    /// The first round is due at once.
    void start(ThreadContext& self);
    /// False: a round was still running at the deadline; it is the last one.
    bool stop(ThreadContext& self, Instant deadline);
    [[nodiscard]] std::uint32_t rounds() const { return rounds_; }
    [[nodiscard]] std::uint32_t overruns() const { return overruns_; }
    [[nodiscard]] Thread& thread() { return thread_; }
};

}  // namespace kyu
