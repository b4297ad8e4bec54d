// The ARP cache and its conversations: what is rare. The road of each packet is arp_output.cpp.
//
// Lock      the network lock.
#include "net/arp_steps.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/ether.hpp"
#include "net/ip_fragment.hpp"
#include "net/net.hpp"
#include "net/wire/arp.hpp"

namespace kyu::net {

namespace {

using ArpState = ArpEntry::State;

/// Sends one ARP packet; what cannot be sent is lost, as on any wire.
void send_arp(LockedNet& net, std::uint16_t operation, const MacAddress& to, Ipv4 sender,
              const MacAddress& target_mac, Ipv4 target) {
    Mbuf packet = net.pool.allocate(sizeof(ArpPacket), Reserve::use);
    if (!packet) return net.stats.count(Drop::out_no_memory);
    auto& arp = *header_at<ArpPacket>(packet.writable_front());
    arp.hardware = Be16{ArpPacket::kEthernet};
    arp.protocol = Be16{ArpPacket::kIpv4};
    arp.hardware_bytes = 6;
    arp.protocol_bytes = 4;
    arp.operation = Be16{operation};
    arp.sender_mac = net.interface.mac;
    arp.sender = sender.wire();
    arp.target_mac = target_mac;
    arp.target = target.wire();
    if (operation == ArpPacket::kRequest) ++net.stats.arp_requests_out;
    if (operation == ArpPacket::kReply) ++net.stats.arp_replies_out;
    // A failure is counted where it happens, and the question will be asked again.
    static_cast<void>(ether_output(net, to, EtherType::arp, std::move(packet)));
}

/// How much an entry is worth when room is needed: the cheapest goes first, then the oldest.
unsigned worth(const ArpEntry& entry) {
    switch (entry.state) {
        case ArpState::unused: return 0;
        case ArpState::absent: return 1;
        case ArpState::incomplete: return 3;
        case ArpState::reachable:
        case ArpState::stale: break;
    }
    return entry.wanted ? 4 : 2;
}

void set_deadline(Instant& next, ArpEntry& entry, Instant deadline) {
    entry.deadline = deadline;
    next = std::min(next, deadline);
}

void drop_held(LockedNet& net, ArpEntry& entry, Drop reason) {
    for (; !entry.held.empty(); entry.held.pop()) net.stats.count(reason);
}

void clear(LockedNet& net, ArpEntry& entry, Drop reason) {
    drop_held(net, entry, reason);
    entry.state = ArpState::unused;
    entry.address = Ipv4{};
    entry.wanted = false;
    entry.tries = 0;
    entry.deadline = Instant::never();
}

/// Asks for the entry's address, and says when to ask again.
void ask(LockedNet& net, Instant& next, ArpEntry& entry) {
    ++entry.tries;
    set_deadline(next, entry, net.now() + kArpRetry);
    send_arp(net, ArpPacket::kRequest, MacAddress::broadcast(), net.interface.address, MacAddress{},
             entry.address);
}

/// A fresh entry for `address`, in the place of the least valuable one.
ArpEntry& make_entry(LockedNet& net, std::array<ArpEntry, kArpEntries>& entries, Ipv4 address) {
    ArpEntry* victim = entries.data();
    for (ArpEntry& entry : entries) {
        const unsigned w = worth(entry);
        const unsigned least = worth(*victim);
        if (w < least || (w == least && entry.used < victim->used)) victim = &entry;
    }
    clear(net, *victim, Drop::arp_evicted);
    victim->address = address;
    victim->used = net.now();
    return *victim;
}

/// Packets beyond a cluster that wait for an answer.
std::size_t large_held(const std::array<ArpEntry, kArpEntries>& entries) {
    std::size_t n = 0;
    for (const ArpEntry& entry : entries) {
        entry.held.for_each(
            [&n](const Mbuf& packet) { n += packet.size() > kClusterBytes ? 1 : 0; });
    }
    return n;
}

/// What one timer of one entry does.
void entry_timer(LockedNet& net, Instant& next, ArpEntry& entry) {
    const Instant now = net.now();
    switch (entry.state) {
        case ArpState::unused: entry.deadline = Instant::never(); return;
        case ArpState::absent: return clear(net, entry, Drop::arp_no_answer);
        case ArpState::reachable:
            if (!entry.wanted) return clear(net, entry, Drop::arp_no_answer);
            if (entry.tries != 0) {  // it has come into use meanwhile: the rest of its time
                entry.tries = 0;
                return set_deadline(next, entry, now + (kArpFresh - kArpUnused));
            }
            // From now on it is asked for again as soon as somebody uses it.
            entry.state = ArpState::stale;
            entry.tries = 0;
            return set_deadline(next, entry, entry.used + kArpIdle);
        case ArpState::incomplete:
        case ArpState::stale: break;
    }
    if (entry.state == ArpState::stale && entry.tries == 0) {
        if (now - entry.used >= kArpIdle) return clear(net, entry, Drop::arp_no_answer);
        return set_deadline(next, entry, entry.used + kArpIdle);
    }
    if (entry.tries < kArpTries) return ask(net, next, entry);
    drop_held(net, entry, Drop::arp_no_answer);
    entry.state = ArpState::absent;
    set_deadline(next, entry, now + kArpAbsent);
}

}  // namespace

void ArpSteps::adopt(LockedNet& net, ArpEntry& entry, const MacAddress& mac) {
    entry.mac = mac;
    entry.state = ArpState::reachable;
    entry.tries = entry.wanted ? 0 : 1;  // while reachable: whether its use is to be looked at
    set_deadline(net.arp.next_, entry, net.now() + (entry.wanted ? kArpFresh : kArpUnused));
    net.wake(net.arp.answered_);
    while (!entry.held.empty()) {
        // The transports learn of a loss by their own timers; the loss is counted.
        static_cast<void>(ip_to_link(net, mac, entry.held.pop()));
    }
}

/// RFC 5227 §2.1.1: somebody is about to use our address. Say that it is ours, rarely.
void ArpSteps::answer_probe(LockedNet& net, const MacAddress& asker) {
    if (!net.arp.probe_answers_.allow(net.now())) return;
    send_arp(net, ArpPacket::kReply, asker, net.interface.address, asker, Ipv4{});
}

/// A host that says another MAC address is not believed, but asked (RFC 826 would believe it): the
/// entry goes on being used until the answer is there. Rarely, since a liar can go on lying.
void ArpSteps::doubt(LockedNet& net, ArpEntry& entry) {
    const bool asked = entry.state == ArpState::stale && entry.tries > 0;
    if (asked || !net.arp.doubts_.allow(net.now())) return;
    entry.state = ArpState::stale;
    entry.tries = 0;
    ask(net, net.arp.next_, entry);
}

void ArpSteps::request(LockedNet& net, const ArpPacket& arp) {
    const Ipv4 sender{arp.sender};
    const Ipv4 target{arp.target};
    ArpEntry* entry = net.arp.find(sender);
    const bool other_mac =
        entry != nullptr &&
        (entry->state == ArpState::reachable || entry->state == ArpState::stale) &&
        entry->mac != arp.sender_mac;
    if (other_mac) doubt(net, *entry);
    if (!net.interface.is_own(target)) return net.stats.count(Drop::arp_not_for_us);
    if (sender.is_any()) return answer_probe(net, arp.sender_mac);
    if (!net.interface.on_link(sender) || net.interface.is_broadcast(sender)) {
        return net.stats.count(Drop::arp_bad_sender);
    }
    // RFC 826: who asks for us will be sent to soon.
    if (entry == nullptr) entry = &make_entry(net, net.arp.entries_, sender);
    if (!other_mac) adopt(net, *entry, arp.sender_mac);
    send_arp(net, ArpPacket::kReply, arp.sender_mac, net.interface.address, arp.sender_mac, sender);
}

void ArpSteps::reply(LockedNet& net, const ArpPacket& arp) {
    ArpEntry* entry = net.arp.find(Ipv4{arp.sender});
    const bool asked = entry != nullptr && entry->tries > 0 &&
                       (entry->state == ArpState::incomplete || entry->state == ArpState::stale);
    if (!asked) return net.stats.count(Drop::arp_unsolicited);
    adopt(net, *entry, arp.sender_mac);
}

const char* to_text(ArpEntry::State state) {
    switch (state) {
        case ArpState::unused: return "unused";
        case ArpState::incomplete: return "incomplete";
        case ArpState::reachable: return "reachable";
        case ArpState::stale: return "stale";
        case ArpState::absent: return "absent";
    }
    return "?";
}

Status<SendError> ArpSteps::hold(LockedNet& net, Ipv4 next_hop, Mbuf&& packet) {
    ArpEntry* entry = net.arp.find(next_hop);
    if (entry == nullptr) {
        entry = &make_entry(net, net.arp.entries_, next_hop);
        entry->state = ArpState::incomplete;
        entry->used = net.now();
        entry->wanted = true;
    }
    if ((entry->state == ArpState::stale || entry->state == ArpState::incomplete) &&
        entry->tries == 0) {
        ask(net, net.arp.next_, *entry);
    }
    switch (entry->state) {
        case ArpState::reachable:
        case ArpState::stale: return ip_to_link(net, entry->mac, std::move(packet));
        case ArpState::absent: net.stats.count(Drop::arp_unreachable); return SendError::no_route;
        case ArpState::incomplete:
        case ArpState::unused: break;
    }
    if (packet.size() > net.interface.mtu && large_held(net.arp.entries_) >= kArpLargeHeldMax) {
        net.stats.count(Drop::arp_hold_full);
        return SendError::no_memory;
    }
    // The newest packets are worth most to a sender that retransmits: the oldest gives way.
    if (entry->held.full()) {
        net.stats.count(Drop::arp_hold_full);
        entry->held.pop();
    }
    CHECK(entry->held.push(std::move(packet)));
    return ok;
}

void arp_input(LockedNet& net, Mbuf&& packet) {
    ++net.stats.arp_in;
    if (packet.size() < sizeof(ArpPacket)) return net.stats.count(Drop::arp_short);
    if (!packet.pull_up(sizeof(ArpPacket))) return net.stats.count(Drop::in_no_memory);
    const auto parsed = ArpPacket::parse(packet.front());
    if (!parsed) return net.stats.count(parsed.error());
    const ArpPacket& arp = **parsed;
    const Ipv4 sender{arp.sender};
    if (arp.sender_mac.is_group() || arp.sender_mac == MacAddress{} || sender.is_multicast() ||
        sender.is_loopback() || sender.is_limited_broadcast()) {
        return net.stats.count(Drop::arp_bad_sender);
    }
    if (arp.sender_mac == net.interface.mac) return;  // our own announcement came back
    if (address_conflict(net, sender, Ipv4{arp.target}, arp.sender_mac)) return;
    if (!net.interface.has_address()) return net.stats.count(Drop::arp_not_for_us);
    if (arp.operation.host() == ArpPacket::kRequest) return ArpSteps::request(net, arp);
    return ArpSteps::reply(net, arp);
}

void arp_timers(LockedNet& net) {
    if (net.now() < net.arp.next_) return;
    net.arp.next_ = Instant::never();
    for (ArpEntry& entry : net.arp.entries_) {
        if (entry.deadline <= net.now()) entry_timer(net, net.arp.next_, entry);
        net.arp.next_ = std::min(net.arp.next_, entry.deadline);
    }
}

Instant arp_next_deadline(const LockedNet& net) { return net.arp.next_; }

void arp_announce(LockedNet& net) {
    if (!net.interface.has_address()) return;
    send_arp(net, ArpPacket::kRequest, MacAddress::broadcast(), net.interface.address, MacAddress{},
             net.interface.address);
}

void arp_probe(LockedNet& net, Ipv4 address) {
    send_arp(net, ArpPacket::kRequest, MacAddress::broadcast(), Ipv4{}, MacAddress{}, address);
}

void arp_ask(LockedNet& net, Ipv4 address) {
    ArpEntry* entry = net.arp.find(address);
    if (entry == nullptr) entry = &make_entry(net, net.arp.entries_, address);
    if (entry->state != ArpState::reachable && entry->state != ArpState::stale) {
        entry->state = ArpState::incomplete;
    } else {
        entry->state = ArpState::stale;
    }
    entry->tries = 0;
    ask(net, net.arp.next_, *entry);
}

void arp_flush(LockedNet& net) {
    for (ArpEntry& entry : net.arp.entries_) clear(net, entry, Drop::arp_no_answer);
    net.arp.next_ = Instant::never();
}

}  // namespace kyu::net
