// A whole IPv4 packet with a TCP segment, as bytes that may be changed.
//
// Context   any. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/checksum.hpp"
#include "net/ip_address.hpp"

namespace kyu::packetdrill {

using Bytes = std::vector<std::byte>;

inline constexpr std::byte kTcp{6};
inline constexpr std::size_t kIpBytes = 20;
inline constexpr std::size_t kTcpBytes = 20;

/// IPv4 without options, TCP, and all of both headers.
[[nodiscard]] inline bool is_plain_tcp(std::span<const std::byte> packet) {
    constexpr std::byte kNoIpOptions{0x45};
    return packet.size() >= kIpBytes + kTcpBytes && packet[0] == kNoIpOptions && packet[9] == kTcp;
}

[[nodiscard]] inline std::uint16_t be16_at(std::span<const std::byte> packet, std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(packet[at]) << 8U |
                                      std::to_integer<unsigned>(packet[at + 1]));
}
inline void put_be16(Bytes& packet, std::size_t at, std::uint16_t value) {
    packet[at] = static_cast<std::byte>(value >> 8U);
    packet[at + 1] = static_cast<std::byte>(value & 0xFFU);
}

/// Of the source at 12, of the destination at 16.
[[nodiscard]] inline net::Ipv4 address_at(std::span<const std::byte> packet, std::size_t at) {
    return net::Ipv4{std::uint32_t{be16_at(packet, at)} << 16U | be16_at(packet, at + 2)};
}
inline void put_address(Bytes& packet, std::size_t at, net::Ipv4 address) {
    put_be16(packet, at, static_cast<std::uint16_t>(address.host >> 16U));
    put_be16(packet, at + 2, static_cast<std::uint16_t>(address.host & 0xFFFFU));
}

/// Length and both checksums, after anything was changed.
inline void finish(Bytes& packet) {
    put_be16(packet, 2, static_cast<std::uint16_t>(packet.size()));
    put_be16(packet, 10, 0);
    net::Checksum ip;
    ip.add(std::span{packet}.first(kIpBytes));
    put_be16(packet, 10, ip.finish());
    put_be16(packet, kIpBytes + 16, 0);
    net::Checksum tcp;
    tcp.add_pseudo_header(address_at(packet, 12), address_at(packet, 16),
                          std::to_integer<std::uint8_t>(kTcp),
                          static_cast<std::uint16_t>(packet.size() - kIpBytes));
    tcp.add(std::span{packet}.subspan(kIpBytes));
    put_be16(packet, kIpBytes + 16, tcp.finish());
}

}  // namespace kyu::packetdrill
