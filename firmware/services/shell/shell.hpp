// Shell: the board's prompt on the serial line.
//
// Context   one thread, more urgent than the services, so that it answers while they are busy.
// Lock      what the stack prints is first written into a buffer under the network lock, then sent
//           to the serial line without it: nobody waits for a UART while holding the network.
// Rules     a command is a row of kCommands: name, help, function. Unknown input is answered with
//           one line; no input can stop the shell.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "kernel/console.hpp"
#include "kernel/context.hpp"
#include "net/net.hpp"
#include "services/heartbeat/heartbeat.hpp"

namespace kyu {

inline constexpr std::string_view kPrompt = "Kyu, ready> ";

class Shell {
public:
    static constexpr std::size_t kWordsMax = 6;
    using Words = std::span<const std::string_view>;
    /// Restarts the board; returns when this board cannot.
    using Reboot = void (*)();

private:
    Console& console_;
    net::Net& net_;
    Heartbeat& heartbeat_;
    Reboot restart_;
    TextBuffer<16384> page_;

    struct Command {
        std::string_view name;
        std::string_view short_name;
        std::string_view arguments;
        std::string_view help;
        void (Shell::*run)(ThreadContext& self, Words words);
    };
    static std::span<const Command> commands();

    void execute(ThreadContext& self, std::string_view line);
    void show_net(ThreadContext& self, void (*print_it)(TextSink&, net::LockedNet&));

    void help(ThreadContext& self, Words words);
    void threads(ThreadContext& self, Words words);
    void thread(ThreadContext& self, Words words);
    void pools(ThreadContext& self, Words words);
    void network(ThreadContext& self, Words words);
    void interfaces(ThreadContext& self, Words words);
    void arp(ThreadContext& self, Words words);
    void tcp(ThreadContext& self, Words words);
    void uptime(ThreadContext& self, Words words);
    void heartbeat(ThreadContext& self, Words words);
    void reboot(ThreadContext& self, Words words);

public:
    Shell(Console& console, net::Net& net, Heartbeat& beat, Reboot restart)
        : console_(console), net_(net), heartbeat_(beat), restart_(restart) {}

    /// The body of the shell's thread.
    [[noreturn]] void run(ThreadContext& self);
};

}  // namespace kyu
