// IPv4 input: RFC 1122 §3.2.1, check by check, then to the transport.
//
// Lock      the network lock.
// Rules     nothing is subtracted before it has been compared. A packet that fails is dropped and
//           counted; only a protocol that is not there and an option that makes no sense are
//           answered.
#include <optional>
#include <utility>

#include "net/ether.hpp"
#include "net/ip_fragment.hpp"
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

/// What is wrong with the options of a header, and which of its bytes says so.
struct OptionFault {
    Drop reason;
    std::uint8_t at;
};

/// RFC 791 §3.1, RFC 7126: routes of the sender's own are refused, everything else is stepped over.
/// Ends after at most as many steps as bytes, whatever the lengths in it say.
std::optional<OptionFault> check_options(std::span<const std::byte> header) {
    constexpr unsigned kEnd = 0;
    constexpr unsigned kNothing = 1;
    constexpr unsigned kLooseRoute = 131;
    constexpr unsigned kStrictRoute = 137;
    for (std::size_t at = sizeof(Ipv4Header); at < header.size();) {
        const auto kind = std::to_integer<unsigned>(header[at]);
        const auto here = static_cast<std::uint8_t>(at);
        if (kind == kEnd) break;
        if (kind == kLooseRoute || kind == kStrictRoute) {
            return OptionFault{Drop::ip_source_route, here};
        }
        if (kind == kNothing) {
            ++at;
            continue;
        }
        const std::size_t length =
            at + 1 < header.size() ? std::to_integer<std::size_t>(header[at + 1]) : 0;
        if (length < 2 || length > header.size() - at) return OptionFault{Drop::ip_option, here};
        at += length;
    }
    return {};
}

/// Whether the packet may be delivered.
bool options_pass(LockedNet& net, const Mbuf& packet, std::size_t header_bytes, const IpInfo& ip) {
    const auto fault = check_options(packet.front().first(header_bytes));
    if (!fault) return true;
    net.stats.count(fault->reason);
    // RFC 1122 §3.2.2.5: the sender is told which byte it was. A route gets silence (RFC 7126).
    if (fault->reason == Drop::ip_option) {
        icmp_error(net, {.type = IcmpType::parameter_problem, .pointer = fault->at}, packet, ip);
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
        if (ip.destination.is_multicast() && !net.igmp.is_member(ip.destination)) {
            return Drop::ip_not_ours;
        }
        return ok;
    }
    if (!net.interface.is_own(ip.destination)) return Drop::ip_not_ours;
    // RFC 1122 §3.3.6: one host's address in a frame to everybody is somebody's mistake.
    if (ip.link_broadcast) return Drop::ip_bad_destination;
    return ok;
}

void deliver(LockedNet& net, Mbuf&& packet, std::size_t header_bytes, const IpInfo& ip) {
    switch (ip.protocol) {
        case IpProtocol::tcp:
            packet.trim_front(header_bytes);
            return tcp_input(net, std::move(packet), ip);
        case IpProtocol::udp: return udp_input(net, std::move(packet), header_bytes, ip);
        case IpProtocol::icmp:
            packet.trim_front(header_bytes);
            return icmp_input(net, std::move(packet), ip);
        case IpProtocol::igmp:
            packet.trim_front(header_bytes);
            return igmp_input(net, std::move(packet), ip);
    }
    net.stats.count(Drop::ip_protocol);
    icmp_unreachable(net, Unreachable::protocol, packet, ip);
}

void receive_fragment(LockedNet& net, Mbuf packet, const Ipv4View& view, IpInfo ip) {
    // Its sender has forbidden what somebody did to it: no honest host sends this.
    if ((view.header().flags_offset.host() & Ipv4Header::kDontFragment) != 0) {
        return net.stats.count(Drop::ip_fragment_df);
    }
    const auto first = static_cast<std::uint32_t>(view.fragment_offset());
    const std::size_t header_bytes = view.header_bytes();
    const FragmentPlace place{
        .header_bytes = header_bytes,
        .first = first,
        .end = first + static_cast<std::uint32_t>(view.total_bytes() - header_bytes),
        .id = view.header().id.host(),
        .more = (view.header().flags_offset.host() & Ipv4Header::kMoreFragments) != 0};
    packet.trim_back(packet.size() - view.total_bytes());
    Mbuf whole = reassemble(net, std::move(packet), place, ip);
    if (!whole) return;
    const auto length_byte = std::to_integer<std::size_t>(whole.front()[0]);
    deliver(net, std::move(whole), (length_byte & 0xFU) * 4, ip);
}

}  // namespace

void ip_receive(LockedNet& net, Mbuf&& packet, Road road, bool link_broadcast) {
    ++net.stats.ip_in;
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
    if (header_bytes > sizeof(Ipv4Header) && !options_pass(net, packet, header_bytes, ip)) return;
    if (view->is_fragment()) {
        return receive_fragment(net, std::move(packet), *view, ip);
    }
    if (road == Road::wire && own) net.interface.usual_source = ip.source;
    // What Ethernet padded to its smallest frame is not part of the packet.
    packet.trim_back(packet.size() - view->total_bytes());
    deliver(net, std::move(packet), header_bytes, ip);
}

void ip_input(LockedNet& net, Mbuf&& packet, bool link_broadcast) {
    ip_receive(net, std::move(packet), Road::wire, link_broadcast);
}

}  // namespace kyu::net
