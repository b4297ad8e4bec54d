// IPv4 (RFC 791, RFC 1122 §3): what the transports and the link layer call.
//
// Lock      the network lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "net/ip_address.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

class LockedNet;

enum class IpProtocol : std::uint8_t { icmp = 1, igmp = 2, tcp = 6, udp = 17 };

/// What a transport is told of the header that was taken off.
struct IpInfo {
    Ipv4 source;
    Ipv4 destination;
    IpProtocol protocol{};
    std::uint8_t tos{};  ///< DSCP and ECN bits as received (RFC 3168 §5)
    std::uint8_t ttl{};
    bool link_broadcast{false};  ///< the frame was sent to a group MAC address
    bool ip_broadcast{false};    ///< the destination is a broadcast or multicast address
};

/// Why a packet could not be sent.
enum class SendError : std::uint8_t {
    no_route,
    no_memory,
    link_down,
    ring_full,
    too_big,  ///< does not fit the MTU and may not be fragmented
    no_address,
};

struct IpSend {
    Ipv4 source;  ///< any: the interface's address
    Ipv4 destination;
    IpProtocol protocol{};
    std::uint8_t ttl{64};
    std::uint8_t tos{0};
    bool dont_fragment{true};
    bool router_alert{false};  ///< with the option of RFC 2113
    /// The transport left its checksum field filled with 0 for the link to complete, when the link
    /// says transmit_checksums(); see transport_checksum_needed().
};

/// Sends `payload` (transport header and data), in fragments when it is larger than the MTU and may
/// be. Consumes it whatever happens. While an ARP entry is incomplete the packet is held and the
/// call succeeds.
[[nodiscard]] Status<SendError> ip_output(LockedNet& net, const IpSend& send, Mbuf&& payload);

/// Ethernet and IP header without options.
inline constexpr std::size_t kRoadHeaderBytes = 14 + 20;

/// Writes the headers that ip_output() would put in front of `payload_bytes` bytes, to the first
/// kRoadHeaderBytes of `to`, and which stay right for as long as the network lock is held. False:
/// such a packet does not take the road of the last one.
[[nodiscard]] bool usual_headers(LockedNet& net, const IpSend& send, std::size_t payload_bytes,
                                 std::span<std::byte> to);

/// Whether the sender must compute its own checksum towards `destination` (loopback and links
/// without transmit checksums).
[[nodiscard]] bool transport_checksum_needed(const LockedNet& net, Ipv4 destination);

/// Largest IP packet towards `destination`, bytes.
[[nodiscard]] std::uint16_t path_mtu(const LockedNet& net, Ipv4 destination);

/// The address that a packet to `destination` carries as its source; any when there is none.
[[nodiscard]] Ipv4 source_address(const LockedNet& net, Ipv4 destination);

/// Where frames to a broadcast or multicast address go (RFC 1112 §6.4: the group's low 23 bits).
[[nodiscard]] MacAddress group_mac(Ipv4 group);

/// A packet whose Ethernet header has been taken off (ether.cpp calls this).
void ip_input(LockedNet& net, Mbuf&& packet, bool link_broadcast);

}  // namespace kyu::net
