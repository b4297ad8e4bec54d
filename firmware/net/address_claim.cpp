// Conflict detection: who else has our address.
//
// Lock      the network lock.
#include "net/address_claim.hpp"

#include "net/net.hpp"

namespace kyu::net {

namespace {

using ClaimState = AddressClaim::State;

void probe(LockedNet& net, Ipv4 address) {
    AddressClaim& claim = net.claim;
    ++claim.probes;
    arp_probe(net, address);
    const auto spread = static_cast<std::uint32_t>((kProbeGapMax - kProbeGapMin).us());
    claim.next = net.now() + kProbeGapMin + Duration::from_us(net.random.below(spread));
}

void begin(LockedNet& net, ClaimState state) {
    net.claim.state = state;
    net.claim.probes = 0;
    net.claim.had_conflict = false;
    net.claim.next = net.now();
}

void give_up(LockedNet& net) {
    AddressClaim& claim = net.claim;
    const Interface& interface = net.interface;
    ++net.stats.arp_addresses_lost;
    if (interface.source == AddressSource::dhcp) {
        address_claim_stop(net);
        return dhcp_address_lost(net);
    }
    claim.address = interface.address;
    claim.prefix_bits = interface.prefix_bits;
    claim.gateway = interface.gateway;
    set_address(net, Ipv4{}, 0, Ipv4{}, AddressSource::conflict);
    claim.state = ClaimState::lost;
    claim.next = net.now() + kClaimAgain;
}

/// RFC 5227 §2.4: who has connections may keep the address (b), who was configured with it never
/// gives it up (c): else one forged frame in ten seconds would end every transfer.
bool may_be_lost(const LockedNet& net) {
    return net.interface.source == AddressSource::dhcp && net.tcp.table.size() == 0;
}

}  // namespace

void address_claim(LockedNet& net) {
    if (!net.interface.has_address()) {
        // What is being asked for, or was lost, goes on through a change of cables.
        const ClaimState state = net.claim.state;
        if (state != ClaimState::probing && state != ClaimState::lost) address_claim_stop(net);
        return;
    }
    if (!net.interface.link.up()) return address_claim_stop(net);
    arp_announce(net);
    if (!net.claim.wanted) return address_claim_stop(net);
    net.claim.address = net.interface.address;
    begin(net, ClaimState::claiming);
}

void address_probe(LockedNet& net, Ipv4 address) {
    net.claim.address = address;
    begin(net, ClaimState::probing);
}

void address_claim_stop(LockedNet& net) {
    net.claim.state = ClaimState::idle;
    net.claim.next = Instant::never();
}

bool address_conflict(LockedNet& net, Ipv4 sender, Ipv4 target, const MacAddress& who) {
    AddressClaim& claim = net.claim;
    if (claim.state == ClaimState::probing) {
        // RFC 5227 §2.1.1: it is used, or another host is probing for it too.
        if (sender != claim.address && !(sender.is_any() && target == claim.address)) return false;
        net.stats.count(Drop::arp_conflict);
        claim.other = who;
        address_claim_stop(net);
        dhcp_probed(net, false);
        return true;
    }
    if (!net.interface.is_own(sender)) return false;
    net.stats.count(Drop::arp_conflict);
    claim.other = who;
    const bool again = claim.had_conflict && net.now() - claim.last_conflict < kArpDefend;
    if (claim.state == ClaimState::claiming || (again && may_be_lost(net))) {
        give_up(net);
        return true;
    }
    if (again) return true;  // §2.4 (c): one defence in that time, or two hosts never stop
    claim.had_conflict = true;
    claim.last_conflict = net.now();
    arp_announce(net);
    return true;
}

void address_claim_timer(LockedNet& net) {
    AddressClaim& claim = net.claim;
    switch (claim.state) {
        case ClaimState::idle: break;
        case ClaimState::probing:
            if (claim.probes < kProbes) return probe(net, claim.address);
            address_claim_stop(net);
            return dhcp_probed(net, true);
        case ClaimState::claiming:
            if (claim.probes < kProbes) return probe(net, claim.address);
            claim.state = ClaimState::announcing;
            claim.next = net.now() + kAnnounceGap;
            return;
        case ClaimState::announcing: address_claim_stop(net); return arp_announce(net);
        case ClaimState::lost:
            return set_address(net, claim.address, claim.prefix_bits, claim.gateway,
                               AddressSource::fixed);
    }
    claim.next = Instant::never();
}

}  // namespace kyu::net
