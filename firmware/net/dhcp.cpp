// The DHCP client's machine (RFC 2131 figure 5).
//
// Lock      the network lock.
#include "net/dhcp.hpp"

#include <algorithm>
#include <utility>

#include "net/net.hpp"

namespace kyu::net {

namespace {

using DhcpState = DhcpClient::State;

void set_state(LockedNet& net, DhcpState state) { net.dhcp.state = state; }

/// Up to a quarter more or less, so that a hall full of boards does not ask in step.
Duration spread(LockedNet& net, Duration wait) {
    const auto half_width = static_cast<std::uint32_t>(wait.us() / 4);
    return wait - Duration::from_us(half_width) +
           Duration::from_us(net.random.below(2 * half_width + 1));
}

void send(LockedNet& net, DhcpQuestion question, Ipv4 to) {
    const DhcpClient& dhcp = net.dhcp;
    question.xid = dhcp.xid;
    question.client = net.interface.mac;
    const std::int64_t seconds = (net.now() - dhcp.since).us() / 1'000'000;
    question.seconds = static_cast<std::uint16_t>(std::min<std::int64_t>(seconds, 0xFFFF));
    Mbuf payload = net.pool.copy_in(build_dhcp(question), Reserve::use);
    // What cannot be sent now is sent again by the timer; the failure is counted below.
    static_cast<void>(udp_output(net, question.client_address, kDhcpClientPort,
                                 {to, kDhcpServerPort}, std::move(payload)));
}

void send_discover(LockedNet& net) { send(net, {.type = DhcpType::discover}, Ipv4{0xFFFFFFFF}); }

void send_request(LockedNet& net) {
    const DhcpLease& lease = net.dhcp.lease;
    switch (net.dhcp.state) {
        case DhcpState::requesting:
            return send(net,
                        {.type = DhcpType::request,
                         .requested_address = lease.address,
                         .server = lease.server},
                        Ipv4{0xFFFFFFFF});
        case DhcpState::renewing:
            return send(net, {.type = DhcpType::request, .client_address = lease.address},
                        lease.server);
        case DhcpState::rebinding:
            return send(net, {.type = DhcpType::request, .client_address = lease.address},
                        Ipv4{0xFFFFFFFF});
        default: return;
    }
}

void start_over(LockedNet& net) {
    DhcpClient& dhcp = net.dhcp;
    set_state(net, DhcpState::selecting);
    dhcp.xid = net.random.next_u32();
    dhcp.since = net.now();
    dhcp.lease = DhcpLease{};
    dhcp.renew_at = dhcp.rebind_at = dhcp.expires_at = Instant::never();
    dhcp.tries = 0;
    dhcp.next = net.now();
}

void lose_address(LockedNet& net) {
    if (net.interface.source == AddressSource::dhcp) {
        set_address(net, Ipv4{}, 0, Ipv4{}, AddressSource::none);
    }
}

/// Asks again, later and later.
void back_off(LockedNet& net) {
    DhcpClient& dhcp = net.dhcp;
    dhcp.next = net.now() + spread(net, dhcp.retry);
    dhcp.retry = std::min(dhcp.retry * 2, kDhcpLastRetry);
}

void bind_lease(LockedNet& net, const DhcpLease& lease) {
    DhcpClient& dhcp = net.dhcp;
    set_state(net, DhcpState::bound);
    dhcp.lease = lease;
    dhcp.retry = kDhcpFirstRetry;
    // RFC 2131 §4.4.1: the lease runs from when the request was sent; the answer is later by less
    // than a retry, and counting from the answer errs by that much at most.
    dhcp.renew_at = lease.endless ? Instant::never() : dhcp.leased_at + lease.t1;
    dhcp.rebind_at = lease.endless ? Instant::never() : dhcp.leased_at + lease.t2;
    dhcp.expires_at = lease.endless ? Instant::never() : dhcp.leased_at + lease.length;
    dhcp.next = dhcp.renew_at;
    dhcp.fallback_at = Instant::never();
    const bool same = net.interface.address == lease.address &&
                      net.interface.prefix_bits == lease.prefix_bits &&
                      net.interface.gateway == lease.gateway;
    if (!same) {
        set_address(net, lease.address, lease.prefix_bits, lease.gateway, AddressSource::dhcp);
    }
}

void take_offer(LockedNet& net, const DhcpReply& reply) {
    const auto lease = to_lease(reply);
    if (!lease) return net.stats.count(lease.error());
    ++net.dhcp.offers;
    net.dhcp.lease = *lease;
    set_state(net, DhcpState::requesting);
    net.dhcp.retry = kDhcpFirstRetry;
    net.dhcp.tries = 1;
    send_request(net);
    back_off(net);
}

void take_ack(LockedNet& net, const DhcpReply& reply) {
    const auto lease = to_lease(reply);
    if (!lease) return net.stats.count(lease.error());
    // An acknowledgement is of what was asked for, by whom it was asked of (rebinding asks all).
    const bool other_server =
        net.dhcp.state != DhcpState::rebinding && lease->server != net.dhcp.lease.server;
    if (lease->address != net.dhcp.lease.address || other_server) {
        return net.stats.count(Drop::dhcp_unexpected);
    }
    ++net.dhcp.acks;
    net.dhcp.leased_at = net.now();
    if (net.interface.address == lease->address) return bind_lease(net, *lease);
    net.dhcp.lease = *lease;
    set_state(net, DhcpState::probing);
    net.dhcp.next = Instant::never();
    address_probe(net, lease->address);
}

/// RFC 2131 §4.4.4: the server learns that its address is taken, and gives another.
void decline(LockedNet& net) {
    DhcpClient& dhcp = net.dhcp;
    ++dhcp.declines;
    dhcp.xid = net.random.next_u32();
    send(net,
         {.type = DhcpType::decline,
          .requested_address = dhcp.lease.address,
          .server = dhcp.lease.server},
         Ipv4{0xFFFFFFFF});
    dhcp.retry = kDhcpFirstRetry;
    start_over(net);
    dhcp.next = net.now() + kDhcpDeclineWait;
}

void take_nak(LockedNet& net, const DhcpReply& reply) {
    if (net.dhcp.state == DhcpState::requesting && reply.server != net.dhcp.lease.server) {
        return net.stats.count(Drop::dhcp_unexpected);
    }
    ++net.dhcp.naks;
    lose_address(net);
    start_over(net);
    // RFC 2131 §3.1: not at once, or a server that says no to everything is flooded.
    back_off(net);
}

void take_datagram(LockedNet& net, UdpDatagram datagram) {
    // 1472 bytes is what one frame can carry; a longer message would have come in fragments.
    std::array<std::byte, 1472> copy{};
    const std::size_t size = std::min<std::size_t>(datagram.payload.size(), copy.size());
    datagram.payload.copy_out(0, std::span<std::byte>{copy}.first(size));
    const auto reply = parse_dhcp(std::span<const std::byte>{copy}.first(size));
    if (!reply) return net.stats.count(reply.error());
    if (reply->xid != net.dhcp.xid || reply->client != net.interface.mac) {
        return net.stats.count(Drop::dhcp_not_ours);
    }
    const DhcpState state = net.dhcp.state;
    const bool asking = state == DhcpState::requesting || state == DhcpState::renewing ||
                        state == DhcpState::rebinding;
    if (reply->type == DhcpType::offer && state == DhcpState::selecting)
        return take_offer(net, *reply);
    if (reply->type == DhcpType::ack && asking) return take_ack(net, *reply);
    if (reply->type == DhcpType::nak && asking) return take_nak(net, *reply);
    net.stats.count(Drop::dhcp_unexpected);
}

/// RFC 2131 §4.4.5: half of what is left until the next stage, not too often.
void retry_renewal(LockedNet& net, Instant stage_end) {
    const Duration left = stage_end - net.now();
    net.dhcp.next = std::min(stage_end, net.now() + std::max(left / 2, kDhcpRenewRetryMin));
}

void renewal_timers(LockedNet& net) {
    DhcpClient& dhcp = net.dhcp;
    if (net.now() >= dhcp.expires_at) {
        lose_address(net);
        dhcp.retry = kDhcpFirstRetry;
        return start_over(net);
    }
    if (dhcp.state == DhcpState::bound) {
        set_state(net, DhcpState::renewing);
        dhcp.xid = net.random.next_u32();
        dhcp.since = net.now();
    }
    if (net.now() >= dhcp.rebind_at) set_state(net, DhcpState::rebinding);
    send_request(net);
    retry_renewal(net, dhcp.state == DhcpState::renewing ? dhcp.rebind_at : dhcp.expires_at);
}

void fall_back(LockedNet& net) {
    const DhcpClient& dhcp = net.dhcp;
    const Ipv4 address = dhcp.fallback_address;
    const std::uint8_t prefix_bits = dhcp.fallback_prefix_bits;
    const Ipv4 gateway = dhcp.fallback_gateway;
    dhcp_stop(net);
    set_address(net, address, prefix_bits, gateway, AddressSource::fallback);
}

void dhcp_timer(LockedNet& net) {
    DhcpClient& dhcp = net.dhcp;
    switch (dhcp.state) {
        case DhcpState::off: dhcp.next = Instant::never(); return;
        case DhcpState::requesting:
            if (dhcp.tries >= kDhcpRequestTries) {
                dhcp.retry = kDhcpFirstRetry;
                start_over(net);
                break;
            }
            ++dhcp.tries;
            send_request(net);
            return back_off(net);
        case DhcpState::selecting: break;
        case DhcpState::probing: dhcp.next = Instant::never(); return;
        case DhcpState::bound:
        case DhcpState::renewing:
        case DhcpState::rebinding:
            renewal_timers(net);
            if (dhcp.state != DhcpState::selecting) return;
            break;
    }
    send_discover(net);
    back_off(net);
}

}  // namespace

const char* to_text(DhcpClient::State state) {
    switch (state) {
        case DhcpState::off: return "off";
        case DhcpState::selecting: return "selecting";
        case DhcpState::requesting: return "requesting";
        case DhcpState::probing: return "probing";
        case DhcpState::bound: return "bound";
        case DhcpState::renewing: return "renewing";
        case DhcpState::rebinding: return "rebinding";
    }
    return "?";
}

void dhcp_start(LockedNet& net) {
    if (!net.dhcp.port) {
        auto port = net.udp.bind(kDhcpClientPort, take_datagram, 0);
        if (port) net.dhcp.port = *port;  // without it the fallback still comes
    }
    net.dhcp.retry = kDhcpFirstRetry;
    start_over(net);
}

void dhcp_stop(LockedNet& net) {
    if (net.dhcp.state == DhcpState::probing) address_claim_stop(net);
    net.udp.unbind(net.dhcp.port);
    net.dhcp.port = UdpId{};
    set_state(net, DhcpState::off);
    net.dhcp.next = net.dhcp.fallback_at = Instant::never();
}

void dhcp_probed(LockedNet& net, bool unused) {
    if (net.dhcp.state != DhcpState::probing) return;
    if (unused) return bind_lease(net, DhcpLease{net.dhcp.lease});
    decline(net);
}

void dhcp_address_lost(LockedNet& net) {
    set_address(net, Ipv4{}, 0, Ipv4{}, AddressSource::conflict);
    decline(net);
}

void dhcp_timers(LockedNet& net) {
    if (net.now() >= net.dhcp.fallback_at) return fall_back(net);
    if (net.now() >= net.dhcp.next) dhcp_timer(net);
}

Instant dhcp_next_deadline(const LockedNet& net) {
    return std::min(net.dhcp.next, net.dhcp.fallback_at);
}

}  // namespace kyu::net
