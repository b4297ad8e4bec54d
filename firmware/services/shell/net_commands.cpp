// net, if, arp, tcp: what the stack shows of itself.
//
// Lock      printed into parts.page under the network lock, then sent without it.
#include "net/show.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

void show(ThreadContext& self, ShellParts& parts, void (*print_it)(TextSink&, net::LockedNet&)) {
    parts.page.clear();
    {
        net::NetGuard guard(parts.net, self);
        print_it(parts.page, *guard);
    }
    parts.console.print(self, "{}", parts.page.view());
    if (parts.page.cut() > 0) parts.console.print(self, "... {} more bytes\n", parts.page.cut());
}

void network(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    show(self, parts, net::print_netstat);
}
void interfaces(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    show(self, parts, net::print_interfaces);
}
void arp(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    show(self, parts, net::print_arp);
}
void tcp(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    show(self, parts, net::print_tcp);
}

}  // namespace

std::span<const ShellCommand> net_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"net", "", "", "counters of the stack", network},
        ShellCommand{"if", "", "", "interface, address, link", interfaces},
        ShellCommand{"arp", "a", "", "neighbours", arp},
        ShellCommand{"tcp", "", "", "TCP connections and counters", tcp},
    };
    return kCommands;
}

}  // namespace kyu
