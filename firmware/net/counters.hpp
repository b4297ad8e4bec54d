// Counters: every number that the stack keeps, by name.
//
// Lock      the network lock.
// Rules     one list for netstat, the simulator's snapshot and whoever comes next.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "net/net.hpp"

namespace kyu::net {

template <typename Owner>
struct CounterRow {
    std::string_view name;
    std::uint64_t Owner::* value;
};

inline constexpr std::array kLinkCounters{
    CounterRow<LinkStats>{"rx_frames", &LinkStats::rx_frames},
    CounterRow<LinkStats>{"rx_bytes", &LinkStats::rx_bytes},
    CounterRow<LinkStats>{"rx_errors", &LinkStats::rx_errors},
    CounterRow<LinkStats>{"rx_no_buffer", &LinkStats::rx_no_buffer},
    CounterRow<LinkStats>{"rx_exhausted", &LinkStats::rx_exhausted},
    CounterRow<LinkStats>{"tx_frames", &LinkStats::tx_frames},
    CounterRow<LinkStats>{"tx_bytes", &LinkStats::tx_bytes},
    CounterRow<LinkStats>{"tx_ring_full", &LinkStats::tx_ring_full},
    CounterRow<LinkStats>{"tx_errors", &LinkStats::tx_errors},
};

inline constexpr std::array kStackCounters{
    CounterRow<Stats>{"ether_in", &Stats::ether_in},
    CounterRow<Stats>{"arp_in", &Stats::arp_in},
    CounterRow<Stats>{"arp_requests_out", &Stats::arp_requests_out},
    CounterRow<Stats>{"arp_replies_out", &Stats::arp_replies_out},
    CounterRow<Stats>{"ip_in", &Stats::ip_in},
    CounterRow<Stats>{"ip_out", &Stats::ip_out},
    CounterRow<Stats>{"ip_reassembled", &Stats::ip_reassembled},
    CounterRow<Stats>{"ip_fragments_out", &Stats::ip_fragments_out},
    CounterRow<Stats>{"loopback", &Stats::loopback},
    CounterRow<Stats>{"icmp_in", &Stats::icmp_in},
    CounterRow<Stats>{"icmp_echoes_answered", &Stats::icmp_echoes_answered},
    CounterRow<Stats>{"icmp_errors_out", &Stats::icmp_errors_out},
    CounterRow<Stats>{"icmp_errors_in", &Stats::icmp_errors_in},
    CounterRow<Stats>{"igmp_reports_out", &Stats::igmp_reports_out},
    CounterRow<Stats>{"arp_addresses_lost", &Stats::arp_addresses_lost},
    CounterRow<Stats>{"udp_in", &Stats::udp_in},
    CounterRow<Stats>{"udp_out", &Stats::udp_out},
};

/// Calls f(name, value) for each counter of the link.
template <typename F>
void for_each_link_counter(const LockedNet& net, F&& f) {
    const LinkStats& stats = net.interface.link.stats();
    for (const auto& row : kLinkCounters) f(row.name, stats.*row.value);
}

/// ... of the layers below TCP.
template <typename F>
void for_each_stack_counter(const LockedNet& net, F&& f) {
    for (const auto& row : kStackCounters) f(row.name, net.stats.*row.value);
}

/// ... of the reasons to drop, below TCP.
template <typename F>
void for_each_drop(const LockedNet& net, F&& f) {
    for (std::size_t i = 0; i < kDropReasons; ++i) {
        const auto reason = static_cast<Drop>(i);
        f(to_text(reason), net.stats.drops(reason));
    }
}

/// ... of TCP.
template <typename F>
void for_each_tcp_counter(const LockedNet& net, F&& f) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(TcpCount::count_); ++i) {
        const auto what = static_cast<TcpCount>(i);
        f(std::string_view{to_text(what)}, net.tcp.stats[what]);
    }
}

}  // namespace kyu::net
