// What the net thread does in one batch, and how the interface gets its address.
//
// Lock      the network lock, held by the caller.
// Rules     nothing here sleeps or knows a thread: tests call it without a kernel.
#include <algorithm>
#include <utility>

#include "kernel/port.hpp"
#include "net/ether.hpp"
#include "net/ip_road.hpp"
#include "net/net.hpp"
#include "net/tcp/tcp.hpp"

namespace kyu::net {

namespace {

/// True: frames may be waiting still.
bool take_frames(LockedNet& net) {
    unsigned taken = 0;
    unsigned express = 0;
    for (; taken < kFramesPerBatch; ++taken) {
        if (tcp_express_input(net)) {
            ++express;
            continue;
        }
        Mbuf frame = net.interface.link.receive(net.pool);
        if (!frame) break;
        net.frames.record(frame, net.now(), FrameWay::in);
        port::marked_point();  // off the ring, not looked at
        tcp_settle_acks(net);
        ether_input(net, std::move(frame));
    }
    tcp_settle_acks(net);
    net.stats.ether_in += express;
    net.stats.ip_in += express;
    net.tcp.stats.count(TcpCount::segments_in, express);
    const bool more = net.interface.link.receive_done();
    return more || taken == kFramesPerBatch;
}

/// As many as were there at the start: an echo to ourselves must not hold the batch for ever.
void take_loopback(LockedNet& net) {
    for (std::size_t n = net.interface.loopback.size(); n > 0; --n) {
        ip_receive(net, net.interface.loopback.pop(), Road::loopback, false);
    }
}

void poll_link(LockedNet& net) {
    Interface& interface = net.interface;
    if (net.now() < interface.poll_at) return;
    interface.poll_at = interface.link.poll(net.now());
    const bool up = interface.link.up();
    if (up && !interface.link_was_up) {
        // Whoever is on the other end of the cable now has not heard of us.
        address_claim(net);
        if (net.dhcp.state == DhcpClient::State::selecting) dhcp_start(net);
    }
    interface.link_was_up = up;
}

/// Of what is nearly always idle.
Instant rare_deadline(const LockedNet& net) {
    return std::min({net.claim.next, net.reassembly.next_deadline(), net.igmp.next});
}

void rare_timers(LockedNet& net) {
    if (net.now() >= net.claim.next) address_claim_timer(net);
    if (net.now() >= net.igmp.next) igmp_timers(net);
    reassembly_timers(net);
}

}  // namespace

bool net_step(LockedNet& net) {
    const bool more_frames = take_frames(net);
    take_loopback(net);
    tcp_end_batch(net);
    if (net.now() >= net.interface.poll_at) poll_link(net);
    if (net.now() >= arp_next_deadline(net)) arp_timers(net);
    if (net.now() >= rare_deadline(net)) rare_timers(net);
    if (net.now() >= dhcp_next_deadline(net)) dhcp_timers(net);
    if (net.now() >= tcp_next_deadline(net)) tcp_timers(net);
    return more_frames || !net.interface.loopback.empty();
}

Instant net_next_deadline(const LockedNet& net) {
    if (!net.interface.loopback.empty()) return net.now();
    return std::min({arp_next_deadline(net), rare_deadline(net), dhcp_next_deadline(net),
                     tcp_next_deadline(net), net.interface.poll_at});
}

void net_configure(LockedNet& net, const NetConfig& config) {
    if constexpr (kMissionBugs) planted::plant(net, config.bug);
    net.interface.attach();
    net.interface.poll_at = net.now();
    net.interface.link_was_up = net.interface.link.up();
    dhcp_stop(net);
    address_claim_stop(net);
    net.claim.wanted = config.claim;
    net.dns.server = config.name_server;
    if (config.source == NetConfig::Source::fixed) {
        set_address(net, config.address, config.prefix_bits, config.gateway, AddressSource::fixed);
        return;
    }
    set_address(net, Ipv4{}, 0, Ipv4{}, AddressSource::none);
    dhcp_start(net);
    if (config.source == NetConfig::Source::dhcp_then_fixed) {
        net.dhcp.fallback_at = net.now() + config.dhcp_patience;
        net.dhcp.fallback_address = config.address;
        net.dhcp.fallback_prefix_bits = config.prefix_bits;
        net.dhcp.fallback_gateway = config.gateway;
    }
}

const char* to_text(AddressSource source) {
    switch (source) {
        case AddressSource::none: return "none";
        case AddressSource::fixed: return "args";
        case AddressSource::dhcp: return "dhcp";
        case AddressSource::fallback: return "default";
        case AddressSource::conflict: return "conflict";
    }
    return "?";
}

void set_address(LockedNet& net, Ipv4 address, std::uint8_t prefix_bits, Ipv4 gateway,
                 AddressSource source) {
    Interface& interface = net.interface;
    const Ipv4 old = interface.address;
    if (!old.is_any() && old != address) tcp_address_lost(net, old);
    arp_flush(net);
    interface.address = address;
    interface.usual_source = Ipv4{};
    interface.usual_road = {};
    interface.prefix_bits = std::min<std::uint8_t>(prefix_bits, 32);
    interface.gateway = gateway;
    interface.source = source;
    net.wake(interface.changed);
    dns_forget(net);
    address_claim(net);
    igmp_report_all(net);
}

}  // namespace kyu::net
