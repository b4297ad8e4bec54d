// Heartbeat: one line a second that says the board is alive, and how it is.
//
// Context   one thread at the priority of the services: while it speaks, they can run too. It takes
//           the network lock for each line, so a lock that is never released silences it.
// Source    the line is the frame `hb` of docs/console.md.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernel/console.hpp"
#include "kernel/context.hpp"
#include "net/net.hpp"

namespace kyu {

class Heartbeat {
public:
    /// `big` transfers sent since boot.
    using Transfers = std::uint32_t (*)(const void* source);

private:
    Console& console_;
    net::Net& net_;
    Transfers transfers_;
    const void* source_;
    std::atomic<bool> enabled_;
    std::uint32_t sequence_{0};
    // The stack with the least left of it. One is looked at with each beat: it takes a while.
    std::size_t look_at_{0};
    std::size_t stack_left_{SIZE_MAX};
    const char* stack_of_{"-"};

    void look_at_stack(ThreadContext& self);

    void beat(ThreadContext& self);

public:
    Heartbeat(Console& console, net::Net& net, Transfers transfers, const void* source)
        : console_(console), net_(net), transfers_(transfers), source_(source), enabled_(false) {}

    void enable(bool on) { enabled_.store(on); }
    [[nodiscard]] bool enabled() const { return enabled_.load(); }
    /// The body of its thread.
    [[noreturn]] void run(ThreadContext& self);
};

}  // namespace kyu
