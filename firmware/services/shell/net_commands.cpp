// netstat, sockstat, tcptrace and the like: what the stack shows of itself; ifconfig sets, too.
//
// Lock      printed into parts.page under the network lock, then sent without it.
#include "net/show.hpp"
#include "net/tcp/show.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

template <typename Print>
void show(ThreadContext& self, ShellParts& parts, Print&& print_it) {
    parts.page.clear();
    {
        net::NetGuard guard(parts.net, self);
        print_it(parts.page, *guard);
    }
    parts.console.print(self, "{}", parts.page.view());
    if (parts.page.cut() > 0) parts.console.print(self, "... {} more bytes\n", parts.page.cut());
}

/// A command that only prints.
template <void (*Print)(TextSink&, net::LockedNet&)>
void page(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    show(self, parts, Print);
}

void sockstat(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    const std::size_t count = sample_threads(self, parts.before);
    show(self, parts, [&](TextSink& sink, net::LockedNet& net) {
        net::print_sockstat(sink, net, std::span(parts.before).first(count));
    });
}

void tcptrace(ThreadContext& self, ShellParts& parts, Words words) {
    const auto socket = words.empty() ? std::nullopt : parse_u32(words[0]);
    if (words.size() > 1 || (!words.empty() && !socket)) {
        return parts.console.print(self, "tcptrace [SOCKET], a number of sockstat\n");
    }
    show(self, parts, [&](TextSink& sink, net::LockedNet& net) {
        if (!socket) return net::print_tcptrace(sink, net, nullptr);
        const auto tuple = net::connection_of(net, *socket);
        if (!tuple) return print(sink, "socket {}: {}\n", *socket, net::to_text(tuple.error()));
        net::print_tcptrace(sink, net, &*tuple);
    });
}

/// ADDRESS/BITS, as boot arguments have it.
bool parse_network(std::string_view text, net::NetConfig& config) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return false;
    const auto address = net::parse_ipv4(text.substr(0, slash));
    const auto bits = parse_u32(text.substr(slash + 1));
    if (!address || address->is_any() || address->is_multicast() || !bits || *bits > 32) {
        return false;
    }
    config.source = net::NetConfig::Source::fixed;
    config.address = *address;
    config.prefix_bits = static_cast<std::uint8_t>(*bits);
    return true;
}

void ifconfig(ThreadContext& self, ShellParts& parts, Words words) {
    if (!words.empty()) {
        net::NetConfig config;
        config.gateway = net::Ipv4{};
        const auto gateway = words.size() == 2 ? net::parse_ipv4(words[1]) : config.gateway;
        const bool dhcp = words[0] == "dhcp" && words.size() == 1;
        if (dhcp) config.source = net::NetConfig::Source::dhcp;
        if (words.size() > 2 || !gateway || (!dhcp && !parse_network(words[0], config))) {
            return parts.console.print(self, "ifconfig [dhcp | ADDRESS/BITS [GATEWAY]]\n");
        }
        config.gateway = *gateway;
        parts.net.configure(self, config);
    }
    show(self, parts, net::print_interfaces);
}

void debug(ThreadContext& self, ShellParts& parts, Words words) {
    const std::uint32_t level = words.empty() ? 0 : parse_u32(words[0]).value_or(UINT32_MAX);
    if (words.size() > 1 || level > net::kDebugLevelMax) {
        return parts.console.print(self, "debug [0 to {}]\n", net::kDebugLevelMax);
    }
    show(self, parts, [&](TextSink& sink, net::LockedNet& net) {
        if (!words.empty()) net.debug_level = static_cast<std::uint8_t>(level);
        print(sink, "debug level {}\n", net.debug_level);
    });
}

}  // namespace

std::span<const ShellCommand> net_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"netstat", "net", "", "counters of the stack, drops, the lock",
                     page<net::print_netstat>},
        ShellCommand{"ifconfig", "if", "[dhcp|A/B [G]]", "interface and address: shows, sets",
                     ifconfig},
        ShellCommand{"arp", "a", "", "neighbours", page<net::print_arp>},
        ShellCommand{"route", "", "", "where packets go", page<net::print_routes>},
        ShellCommand{"mbufs", "", "", "packet memory", page<net::print_mbufs>},
        ShellCommand{"sockstat", "ss", "", "every socket, and who uses it", sockstat},
        ShellCommand{"tcpstat", "tcp", "", "TCP connections and counters", page<net::print_tcp>},
        ShellCommand{"tcptrace", "tt", "[SOCKET]", "the last segments", tcptrace},
        ShellCommand{"debug", "", "[LEVEL]", "1: connections are events of a crash record", debug},
    };
    return kCommands;
}

}  // namespace kyu
