// IPv4 input: RFC 1122 §3.2.1, check by check, then to the transport.
//
// Lock      the network lock.
// Rules     nothing is subtracted before it has been compared. A packet that fails is dropped and
//           counted; only a protocol that is not there is answered.
#include <utility>

#include "net/ether.hpp"
#include "net/ip_road.hpp"
#include "net/net.hpp"
#include "net/tcp/tcp.hpp"
#include "net/wire/ipv4.hpp"

namespace kyu::net {

namespace {

/// Makes the whole header contiguous, options included, as far as the packet has one.
bool gather_header(Mbuf& packet) {
    if (packet.front().size() < sizeof(Ipv4Header) && !packet.pull_up(sizeof(Ipv4Header))) {
        return packet.size() < sizeof(Ipv4Header);  // too short is found by the parser
    }
    const std::size_t header = (std::to_integer<std::size_t>(packet.front()[0]) & 0xFU) * 4;
    if (packet.front().size() >= header || packet.size() < header) return true;
    return packet.pull_up(header);
}

/// Whether the option area asks for a route of its own. Ends after at most as many steps as bytes,
/// whatever the lengths in it say.
bool has_source_route(std::span<const std::byte> options) {
    constexpr unsigned kEnd = 0;
    constexpr unsigned kNothing = 1;
    constexpr unsigned kLooseRoute = 131;
    constexpr unsigned kStrictRoute = 137;
    while (!options.empty()) {
        const auto kind = std::to_integer<unsigned>(options[0]);
        if (kind == kEnd) return false;
        if (kind == kLooseRoute || kind == kStrictRoute) return true;
        std::size_t length = 1;
        if (kind != kNothing) {
            if (options.size() < 2) return false;
            length = std::to_integer<std::size_t>(options[1]);
            if (length < 2 || length > options.size()) return false;
        }
        options = options.subspan(length);
    }
    return false;
}

/// RFC 1122 §3.2.1.3: addresses that no packet on the wire can come from.
bool impossible_source(const LockedNet& net, Ipv4 source) {
    return source.is_any() || source.is_multicast() || source.is_loopback() ||
           net.interface.is_own(source) || net.interface.is_broadcast(source);
}

/// Nothing: the packet is for this host.
Status<Drop> check_addresses(const LockedNet& net, const IpInfo& ip, Road road) {
    if (road == Road::loopback) return ok;
    if (impossible_source(net, ip.source)) return Drop::ip_bad_source;
    if (ip.destination.is_any() || ip.destination.is_loopback()) return Drop::ip_bad_destination;
    if (ip.ip_broadcast) {
        const bool all_hosts = ip.destination == Ipv4{224, 0, 0, 1};
        if (ip.destination.is_multicast() && !all_hosts) return Drop::ip_not_ours;
        return ok;
    }
    if (!net.interface.is_own(ip.destination)) return Drop::ip_not_ours;
    // RFC 1122 §3.3.6: one host's address in a frame to everybody is somebody's mistake.
    if (ip.link_broadcast) return Drop::ip_bad_destination;
    return ok;
}

void deliver(LockedNet& net, Mbuf packet, std::size_t header_bytes, const IpInfo& ip) {
    switch (ip.protocol) {
        case IpProtocol::tcp:
            packet.trim_front(header_bytes);
            return tcp_input(net, std::move(packet), ip);
        case IpProtocol::udp: return udp_input(net, std::move(packet), header_bytes, ip);
        case IpProtocol::icmp:
            packet.trim_front(header_bytes);
            return icmp_input(net, std::move(packet), ip);
        case IpProtocol::igmp: break;
    }
    net.stats.count(Drop::ip_protocol);
    if (ip.protocol != IpProtocol::igmp) icmp_unreachable(net, Unreachable::protocol, packet, ip);
}

/// Nearly every packet: no options, whole, from where the last one came to our own address. The
/// checks are those of ip_receive(); false: look more closely.
bool is_ordinary(const Interface& interface, const Mbuf& packet) {
    constexpr std::uint8_t kPlain = 0x45;  // version 4, five words
    const auto* header = header_at<Ipv4Header>(packet.front());
    if (header == nullptr || header->version_ihl != kPlain) return false;
    const std::size_t total = header->total_length.host();
    return (header->flags_offset.host() & ~Ipv4Header::kDontFragment) == 0 &&
           Ipv4{header->source} == interface.usual_source && !interface.usual_source.is_any() &&
           interface.is_own(Ipv4{header->destination}) && total <= packet.size() &&
           total > sizeof(Ipv4Header) &&
           header_checksum(packet.front().data(), sizeof(Ipv4Header) / 4) == 0;
}

}  // namespace

void ip_receive(LockedNet& net, Mbuf packet, Road road, bool link_broadcast) {
    ++net.stats.ip_in;
    if (road == Road::wire && !link_broadcast && is_ordinary(net.interface, packet)) {
        const auto& header = *header_at<Ipv4Header>(packet.front());
        const IpInfo ip{.source = net.interface.usual_source,
                        .destination = net.interface.address,
                        .protocol = static_cast<IpProtocol>(header.protocol),
                        .tos = header.tos,
                        .ttl = header.ttl};
        packet.trim_back(packet.size() - header.total_length.host());
        return deliver(net, std::move(packet), sizeof(Ipv4Header), ip);
    }
    if (packet && !gather_header(packet)) return net.stats.count(Drop::in_no_memory);
    const auto view = Ipv4View::parse(packet.front(), packet.size());
    if (!view) return net.stats.count(view.error());
    const Ipv4Header& header = view->header();
    const Ipv4 destination{header.destination};
    const bool own = net.interface.is_own(destination);
    const IpInfo ip{.source = Ipv4{header.source},
                    .destination = destination,
                    .protocol = static_cast<IpProtocol>(header.protocol),
                    .tos = header.tos,
                    .ttl = header.ttl,
                    .link_broadcast = link_broadcast,
                    .ip_broadcast = !own && (destination.is_multicast() ||
                                             net.interface.is_broadcast(destination))};
    const auto addressed = check_addresses(net, ip, road);
    if (!addressed) return net.stats.count(addressed.error());
    const std::size_t header_bytes = view->header_bytes();
    if (view->is_fragment()) {
        const std::size_t end = view->fragment_offset() + view->total_bytes() - header_bytes;
        return net.stats.count(end > 65535 - header_bytes ? Drop::ip_fragment_overflow
                                                          : Drop::ip_fragment);
    }
    if (header_bytes > sizeof(Ipv4Header) &&
        has_source_route(packet.front().first(header_bytes).subspan(sizeof(Ipv4Header)))) {
        return net.stats.count(Drop::ip_source_route);
    }
    if (road == Road::wire && own) net.interface.usual_source = ip.source;
    // What Ethernet padded to its smallest frame is not part of the packet.
    packet.trim_back(packet.size() - view->total_bytes());
    deliver(net, std::move(packet), header_bytes, ip);
}

void ip_input(LockedNet& net, Mbuf packet, bool link_broadcast) {
    ip_receive(net, std::move(packet), Road::wire, link_broadcast);
}

}  // namespace kyu::net
