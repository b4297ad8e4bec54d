// HostConsolePort: a UART without hardware: output goes to the machine's console text, input comes
// from the driver.
//
// Time      output at once, or `bytes_per_ms` in virtual time (11 is 115200 Bd).
#pragma once

#include <string>
#include <string_view>

#include "kernel/console.hpp"
#include "port/host/machine.hpp"

namespace kyu::host {

class HostConsolePort final : public ConsolePort {
    Machine& machine_;
    Console* console_{nullptr};
    unsigned bytes_per_ms_;  // 0: at once
    bool busy_{false};
    bool dead_{false};

    std::size_t move(IrqsOff& off, std::size_t limit);
    void tick();

public:
    explicit HostConsolePort(Machine& machine, unsigned bytes_per_ms = 0)
        : machine_(machine), bytes_per_ms_(bytes_per_ms) {}
    /// Joins port and console; the kernel flushes this console in a panic.
    void attach(Console& console);
    void kick(IrqsOff& off) override;
    /// Somebody types; from the driver or a thread of the machine.
    void type(std::string text);
    /// A UART that takes nothing any more.
    void die() { dead_ = true; }
};

}  // namespace kyu::host
