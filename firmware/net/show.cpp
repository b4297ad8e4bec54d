// netstat, ifconfig and arp for the shell.
//
// Lock      the network lock.
#include "net/show.hpp"

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
        print(sink, "  no address\n");
    }
    const DhcpClient& dhcp = net.dhcp;
    if (dhcp.state != DhcpClient::State::off) {
        print(sink, "  dhcp {}, server ", to_text(dhcp.state));
        print_to(sink, dhcp.lease.server);
        print(sink, ", offers {}, acks {}, naks {}\n", dhcp.offers, dhcp.acks, dhcp.naks);
    }
}

void print_netstat(TextSink& sink, LockedNet& net) {
    const Stats& s = net.stats;
    const LinkStats& link = net.interface.link.stats();
    print(sink, "link\n");
    row(sink, "rx_frames", link.rx_frames);
    row(sink, "rx_bytes", link.rx_bytes);
    row(sink, "rx_errors", link.rx_errors);
    row(sink, "rx_no_buffer", link.rx_no_buffer);
    row(sink, "rx_exhausted", link.rx_exhausted);
    row(sink, "tx_frames", link.tx_frames);
    row(sink, "tx_bytes", link.tx_bytes);
    row(sink, "tx_ring_full", link.tx_ring_full);
    row(sink, "tx_errors", link.tx_errors);
    print(sink, "stack\n");
    row(sink, "ether_in", s.ether_in);
    row(sink, "arp_in", s.arp_in);
    row(sink, "arp_requests_out", s.arp_requests_out);
    row(sink, "arp_replies_out", s.arp_replies_out);
    row(sink, "ip_in", s.ip_in);
    row(sink, "ip_out", s.ip_out);
    row(sink, "loopback", s.loopback);
    row(sink, "icmp_in", s.icmp_in);
    row(sink, "icmp_echoes_answered", s.icmp_echoes_answered);
    row(sink, "icmp_errors_out", s.icmp_errors_out);
    row(sink, "udp_in", s.udp_in);
    row(sink, "udp_out", s.udp_out);
    row(sink, "longest_hold_us", static_cast<std::uint64_t>(s.longest_hold.us()));
    print(sink, "dropped\n");
    for (std::size_t i = 0; i < kDropReasons; ++i) {
        const auto reason = static_cast<Drop>(i);
        row(sink, to_text(reason), s.drops(reason));
    }
    print(sink, "pools\n");
    pool_row(sink, "mbufs", net.pool.segment_stats());
    pool_row(sink, "clusters", net.pool.cluster_stats());
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
