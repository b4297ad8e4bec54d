// A command of the shell, and what commands work with.
//
// Context   the shell's thread.
// Rules     a command is a row: names, arguments, help, function. It answers each mistake with one
//           line that says what is wanted, and always comes back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.hpp"
#include "kernel/console.hpp"
#include "kernel/inspect.hpp"
#include "net/net.hpp"
#include "services/heartbeat/heartbeat.hpp"
#include "services/selftest/selftest.hpp"
#include "services/services_view.hpp"
#include "services/shell/shell_board.hpp"

namespace kyu {

/// What stands on a line after the command.
using Words = std::span<const std::string_view>;

struct ShellParts {
    Console& console;
    net::Net& net;
    Heartbeat& heartbeat;
    ShellBoard& board;
    std::span<const selftest::Test> board_tests;
    ServicesView services;
    // Large things that must not stand on the shell's stack.
    TextBuffer<16384> page{};
    selftest::Bench bench{};
    net::FrameRing frames{};  ///< for `cost`
    std::array<ThreadSample, kThreadsMax> before{};
    std::array<ThreadSample, kThreadsMax> after{};
};

struct ShellCommand {
    std::string_view name;
    std::string_view short_name;
    std::string_view arguments;
    std::string_view help;
    void (*run)(ThreadContext& self, ShellParts& parts, Words words);
};

// One file a group.
[[nodiscard]] std::span<const ShellCommand> thread_commands();
[[nodiscard]] std::span<const ShellCommand> memory_commands();
[[nodiscard]] std::span<const ShellCommand> net_commands();
[[nodiscard]] std::span<const ShellCommand> client_commands();
[[nodiscard]] std::span<const ShellCommand> tcp_client_commands();
[[nodiscard]] std::span<const ShellCommand> board_commands();
[[nodiscard]] std::span<const ShellCommand> test_commands();

/// A command in a file of its own.
void cost(ThreadContext& self, ShellParts& parts, Words words);

/// A whole number: decimal, or hex after 0x. Nothing else, and nothing beyond 32 bits.
[[nodiscard]] std::optional<std::uint32_t> parse_u32(std::string_view text);

}  // namespace kyu
