// Shell: the board's prompt on the serial line.
//
// Context   one thread, more urgent than the services, so that it answers while they are busy.
// Lock      what the stack prints is first written into a buffer under the network lock, then sent
//           to the serial line without it: nobody waits for a UART while holding the network.
// Rules     a command is a row of one of the tables of command.hpp. Unknown input is answered with
//           one line; no input can stop the shell. docs/shell.md lists what there is.
#pragma once

#include <string_view>

#include "services/shell/command.hpp"

namespace kyu {

inline constexpr std::string_view kPrompt = "Kyu, ready> ";

class Shell {
    ShellParts parts_;

    void execute(ThreadContext& self, std::string_view line);

public:
    /// `board_tests` are the rows of the menu i that this board adds.
    Shell(Console& console, net::Net& net, Heartbeat& beat, ShellBoard& board,
          std::span<const selftest::Test> board_tests, const ServicesView& services = {})
        : parts_{console, net, beat, board, board_tests, services} {}

    /// The body of the shell's thread.
    [[noreturn]] void run(ThreadContext& self);
};

}  // namespace kyu
