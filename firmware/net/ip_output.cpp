// IPv4 output: a header, a next hop, and off to ARP, to everybody, or to ourselves.
//
// Lock      the network lock.
// Rules     packets to ourselves are queued for the net thread, never delivered from here: a
//           transport that sends must not find itself receiving (bsd-pitfalls A9).
#include <algorithm>
#include <array>
#include <utility>

#include "net/ether.hpp"
#include "net/ip_fragment.hpp"
#include "net/net.hpp"
#include "net/wire/ipv4.hpp"

namespace kyu::net {

namespace {

struct Route {
    enum class Kind : std::uint8_t { loopback, group, host };
    Kind kind;
    Ipv4 next_hop;
};

Result<Route, SendError> route_to(const LockedNet& net, Ipv4 destination) {
    const Interface& interface = net.interface;
    if (destination.is_any()) return SendError::no_route;
    if (destination.is_loopback() || interface.is_own(destination)) {
        return Route{Route::Kind::loopback, destination};
    }
    if (destination.is_limited_broadcast()) return Route{Route::Kind::group, destination};
    if (!interface.has_address()) return SendError::no_address;
    if (interface.is_broadcast(destination) || destination.is_multicast()) {
        return Route{Route::Kind::group, destination};
    }
    if (interface.on_link(destination)) return Route{Route::Kind::host, destination};
    if (interface.gateway.is_any()) return SendError::no_route;
    return Route{Route::Kind::host, interface.gateway};
}

Drop drop_for(SendError error) {
    switch (error) {
        case SendError::no_route: return Drop::out_no_route;
        case SendError::no_memory: return Drop::out_no_memory;
        case SendError::link_down: return Drop::out_link_down;
        case SendError::ring_full: return Drop::out_ring_full;
        case SendError::too_big: return Drop::out_too_big;
        case SendError::no_address: return Drop::out_no_address;
    }
    return Drop::out_no_route;
}

SendError refuse(LockedNet& net, SendError error) {
    net.stats.count(drop_for(error));
    return error;
}

/// RFC 2113: routers look at the packet though it is not for them.
constexpr std::array kRouterAlert{std::byte{148}, std::byte{4}, std::byte{0}, std::byte{0}};

void fill_header(LockedNet& net, std::span<std::byte> room, const IpSend& send, std::size_t total,
                 bool checksum) {
    auto& header = *header_at<Ipv4Header>(room);
    header.version_ihl = static_cast<std::uint8_t>(0x40U | (room.size() / 4));
    if (send.router_alert) {
        std::copy(kRouterAlert.begin(), kRouterAlert.end(), room.begin() + sizeof header);
    }
    header.tos = send.tos;
    header.total_length = Be16{static_cast<std::uint16_t>(total)};
    // RFC 6864 §4.1: the field of a packet that may not be fragmented means nothing. Where it does
    // mean something it must not be guessable.
    header.id = Be16{send.dont_fragment ? std::uint16_t{0} : net.random.next_u16()};
    header.flags_offset = Be16{send.dont_fragment ? Ipv4Header::kDontFragment : std::uint16_t{0}};
    header.ttl = send.ttl;
    header.protocol = static_cast<std::uint8_t>(send.protocol);
    header.checksum = Be16{};
    header.source =
        (send.source.is_any() ? source_address(net, send.destination) : send.source).wire();
    header.destination = send.destination.wire();
    if (checksum) {
        Checksum sum;
        sum.add(std::span<const std::byte>{room});
        header.checksum = Be16{sum.finish()};
    }
}

Status<SendError> to_ourselves(LockedNet& net, Mbuf&& packet) {
    if (!net.interface.loopback.push(std::move(packet))) {
        net.stats.count(Drop::loopback_full);
        return SendError::ring_full;
    }
    ++net.stats.loopback;
    return ok;
}

/// Whether an ordinary packet may take the road of the last one.
ArpEntry* usual_neighbour(const Interface& interface, const IpSend& send, std::size_t total) {
    const UsualRoad& road = interface.usual_road;
    ArpEntry* to = road.neighbour;
    if (to == nullptr || send.destination != road.destination || send.source != interface.address ||
        !send.dont_fragment || send.router_alert) {
        return nullptr;
    }
    const bool good = to->state == ArpEntry::State::reachable && to->address == road.next_hop &&
                      total <= interface.mtu && interface.transmit_checksums && interface.link.up();
    return good ? to : nullptr;
}

/// Ethernet and IP headers at one stroke: what ip_output, arp_output and ether_output would do.
void fill_road_header(LockedNet& net, const IpSend& send, ArpEntry& to, std::size_t total,
                      std::span<std::byte> room) {
    auto& ether = *header_at<EthernetHeader>(room);
    ether.destination = to.mac;
    ether.source = net.interface.mac;
    ether.type = Be16{static_cast<std::uint16_t>(EtherType::ipv4)};
    fill_header(net, room.subspan(sizeof ether), send, total, false);
    to.used = net.now();
}

Status<SendError> along_usual_road(LockedNet& net, const IpSend& send, ArpEntry& to,
                                   std::size_t total, Mbuf&& payload) {
    const std::span<std::byte> room = payload.prepend(kRoadHeaderBytes);
    if (room.empty()) return refuse(net, SendError::no_memory);
    fill_road_header(net, send, to, total, room);
    ++net.stats.ip_out;
    return give_to_link(net, std::move(payload));
}

/// `next_hop` has just been sent to: the next packet need not look for it.
void remember_road(LockedNet& net, Ipv4 destination, Ipv4 next_hop) {
    ArpEntry* neighbour = net.arp.find(next_hop);
    if (neighbour == nullptr || neighbour->state != ArpEntry::State::reachable) return;
    net.interface.usual_road = {destination, next_hop, neighbour};
}

}  // namespace

bool usual_headers(LockedNet& net, const IpSend& send, std::size_t payload_bytes,
                   std::span<std::byte> to) {
    const std::size_t total = payload_bytes + sizeof(Ipv4Header);
    ArpEntry* neighbour = usual_neighbour(net.interface, send, total);
    if (neighbour == nullptr) return false;
    fill_road_header(net, send, *neighbour, total, to.first(kRoadHeaderBytes));
    return true;
}

Status<SendError> ip_output(LockedNet& net, const IpSend& send, Mbuf&& payload) {
    if (!payload) return refuse(net, SendError::no_memory);
    const std::size_t plain = payload.size() + sizeof(Ipv4Header);
    if (ArpEntry* to = usual_neighbour(net.interface, send, plain)) {
        return along_usual_road(net, send, *to, plain, std::move(payload));
    }
    const auto route = route_to(net, send.destination);
    if (!route) return refuse(net, route.error());
    const bool loopback = route->kind == Route::Kind::loopback;
    const std::size_t header_bytes =
        sizeof(Ipv4Header) + (send.router_alert ? sizeof kRouterAlert : 0);
    const std::size_t total = payload.size() + header_bytes;
    if (total > (send.dont_fragment && !loopback ? net.interface.mtu : kIpPacketMax)) {
        return refuse(net, SendError::too_big);
    }
    if (!loopback && !net.interface.link.up()) return refuse(net, SendError::link_down);
    const std::span<std::byte> room = payload.prepend(header_bytes);
    if (room.empty()) return refuse(net, SendError::no_memory);
    const bool checksum = loopback || !net.interface.transmit_checksums;
    fill_header(net, room, send, total, checksum);
    ++net.stats.ip_out;
    switch (route->kind) {
        case Route::Kind::loopback: return to_ourselves(net, std::move(payload));
        case Route::Kind::group:
            return ip_to_link(net, group_mac(send.destination), std::move(payload));
        case Route::Kind::host: break;
    }
    auto sent = arp_output(net, route->next_hop, std::move(payload));
    if (sent) remember_road(net, send.destination, route->next_hop);
    return sent;
}

bool transport_checksum_needed(const LockedNet& net, Ipv4 destination) {
    return !net.interface.transmit_checksums || destination.is_loopback() ||
           net.interface.is_own(destination);
}

MacAddress group_mac(Ipv4 group) {
    if (!group.is_multicast()) return MacAddress::broadcast();
    return MacAddress{{0x01, 0x00, 0x5e, static_cast<std::uint8_t>((group.host >> 16U) & 0x7FU),
                       static_cast<std::uint8_t>(group.host >> 8U),
                       static_cast<std::uint8_t>(group.host)}};
}

std::uint16_t path_mtu(const LockedNet& net, Ipv4 destination) {
    static_cast<void>(destination);  // one interface; routes with their own MTU may come
    return net.interface.mtu;
}

Ipv4 source_address(const LockedNet& net, Ipv4 destination) {
    return destination.is_loopback() ? destination : net.interface.address;
}

}  // namespace kyu::net
