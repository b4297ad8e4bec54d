// netstat, ifconfig and arp for the shell.
//
// Lock      the network lock.
#include "net/show.hpp"

#include "kernel/port.hpp"
#include "net/counters.hpp"
#include "net/net.hpp"

namespace kyu::net {

namespace {

void row(TextSink& sink, std::string_view name, std::uint64_t value) {
    if (value != 0) print(sink, "  {:<22} {:>12}\n", name, value);
}

void pool_row(TextSink& sink, std::string_view name, const PoolStats& pool) {
    print(sink, "  {:<22} {:>6} of {}, high {}, refused {}\n", name, pool.used, pool.total,
          pool.high, pool.failed);
}

void print_holds(TextSink& sink, const HoldStats& holds) {
    const Symbol taker = port::lookup(holds.taken_at());
    print(sink, "lock\n  longest hold {} us, taken at {}+{:x}\n", holds.longest().us(),
          taker.name.empty() ? std::string_view{"?"} : taker.name, taker.offset);
    for (std::size_t n = 0; n < HoldStats::kRows; ++n) {
        if (holds.rows()[n] == 0) continue;
        const bool last = n + 1 == HoldStats::kRows;
        print(sink, "  {} {:>7} us {:>12}\n", last ? "from " : "below",
              std::uint64_t{1} << (last ? n - 1 : n), holds.rows()[n]);
    }
}

}  // namespace

void print_interfaces(TextSink& sink, LockedNet& net) {
    const Interface& interface = net.interface;
    print(sink, "eth0: {}, mac ", interface.link.up() ? "up" : "down");
    print_to(sink, interface.mac);
    print(sink, ", mtu {}\n", interface.mtu);
    if (interface.has_address()) {
        print(sink, "  address ");
        print_to(sink, interface.address);
        print(sink, "/{} ({}), gateway ", interface.prefix_bits, to_text(interface.source));
        print_to(sink, interface.gateway);
        print(sink, "\n");
    } else {
        print(sink, "  no address{}",
              interface.source == AddressSource::conflict ? ": taken by " : "");
        if (interface.source == AddressSource::conflict) print_to(sink, net.claim.other);
        print(sink, "\n");
    }
    for (const IgmpGroup& group : net.igmp.groups) {
        if (group.address.is_any()) continue;
        print(sink, "  group ");
        print_to(sink, group.address);
        print(sink, ", users {}\n", group.users);
    }
    const DhcpClient& dhcp = net.dhcp;
    if (dhcp.state != DhcpClient::State::off) {
        print(sink, "  dhcp {}, server ", to_text(dhcp.state));
        print_to(sink, dhcp.lease.server);
        print(sink, ", offers {}, acks {}, naks {}, declines {}\n", dhcp.offers, dhcp.acks,
              dhcp.naks, dhcp.declines);
        for (const Ipv4 server : dhcp.lease.dns) {
            if (server.is_any()) continue;
            print(sink, "  dns ");
            print_to(sink, server);
            print(sink, "\n");
        }
    }
}

void print_netstat(TextSink& sink, LockedNet& net) {
    const auto show = [&sink](std::string_view name, std::uint64_t value) {
        row(sink, name, value);
    };
    print(sink, "link\n");
    for_each_link_counter(net, show);
    print(sink, "stack\n");
    for_each_stack_counter(net, show);
    print(sink, "dropped\n");
    for_each_drop(net, show);
    for_each_tcp_counter(net, [&sink](std::string_view name, std::uint64_t value) {
        if (name.starts_with("dropped: ")) row(sink, name.substr(9), value);
    });
    print(sink, "pools\n");
    print_mbufs(sink, net);
    row(sink, "datagrams", net.reassembly.datagrams());
    std::uint64_t neighbours = 0;
    for (const ArpEntry& entry : net.arp.entries()) {
        if (entry.state != ArpEntry::State::unused) ++neighbours;
    }
    row(sink, "neighbours", neighbours);
    print_holds(sink, net.stats.holds);
}

void print_mbufs(TextSink& sink, LockedNet& net) {
    pool_row(sink, "mbufs", net.pool.segment_stats());
    pool_row(sink, "clusters", net.pool.cluster_stats());
}

void print_routes(TextSink& sink, LockedNet& net) {
    const Interface& interface = net.interface;
    print(sink, "{:<20} {:<16} {}\n", "destination", "gateway", "interface");
    print(sink, "{:<20} {:<16} lo\n", "127.0.0.0/8", "-");
    if (!interface.has_address()) return;
    TextBuffer<20> own;
    TextBuffer<20> network;
    TextBuffer<20> gateway;
    print_to(own, interface.address);
    print(sink, "{:<20} {:<16} lo\n", own.view(), "-");
    print_to(network, Ipv4{interface.address.host & interface.mask()});
    print(network, "/{}", interface.prefix_bits);
    print(sink, "{:<20} {:<16} eth0\n", network.view(), "-");
    if (interface.gateway.is_any()) return;
    print_to(gateway, interface.gateway);
    print(sink, "{:<20} {:<16} eth0\n", "default", gateway.view());
}

void print_arp(TextSink& sink, LockedNet& net) {
    for (const ArpEntry& entry : net.arp.entries()) {
        if (entry.state == ArpEntry::State::unused) continue;
        TextBuffer<16> address;
        print_to(address, entry.address);
        print(sink, "{:<16} ", address.view());
        print_to(sink, entry.mac);
        print(sink, " {:<10} used {} s ago, held {}\n", to_text(entry.state),
              (net.now() - entry.used).ms() / 1000, entry.held.size());
    }
}

}  // namespace kyu::net
