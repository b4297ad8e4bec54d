// For tests only: frames as a peer would build them, and as an attacker would.
//
// Rules     everything is right unless the test makes it wrong afterwards; `fix_…` functions put
//           checksums right again, so that a test breaks one thing at a time.
#pragma once

#include "net/checksum.hpp"
#include "net/ip_address.hpp"
#include "net/net_test_support.hpp"

namespace kyu::net::test {

inline constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x01}};
inline constexpr Ipv4 kPeer{192, 168, 0, 1};
inline constexpr Ipv4 kBoard{192, 168, 0, 73};
inline constexpr MacAddress kBoardMac{{0x02, 0, 0, 0, 0, 0x73}};
inline constexpr std::size_t kEther = 14;
inline constexpr std::size_t kIp = 20;

inline void put16(Bytes& b, std::size_t at, unsigned value) {
    b[at] = static_cast<std::uint8_t>(value >> 8U);
    b[at + 1] = static_cast<std::uint8_t>(value);
}
inline void put32(Bytes& b, std::size_t at, std::uint32_t value) {
    put16(b, at, value >> 16U);
    put16(b, at + 2, value & 0xFFFFU);
}
inline unsigned get16(const Bytes& b, std::size_t at) {
    return (unsigned{b.at(at)} << 8U) | b.at(at + 1);
}
inline std::uint32_t get32(const Bytes& b, std::size_t at) {
    return (std::uint32_t{get16(b, at)} << 16U) | get16(b, at + 2);
}
inline Bytes joined(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
inline Bytes slice(const Bytes& b, std::size_t from, std::size_t count = SIZE_MAX) {
    const std::size_t n = from > b.size() ? 0 : std::min(count, b.size() - from);
    const auto first = b.begin() + static_cast<std::ptrdiff_t>(std::min(from, b.size()));
    return {first, first + static_cast<std::ptrdiff_t>(n)};
}
/// Bytes that tell their place: 0, 1, 2 …
inline Bytes pattern(std::size_t n) {
    Bytes b(n);
    for (std::size_t i = 0; i < n; ++i) b[i] = static_cast<std::uint8_t>(i);
    return b;
}

/// The checksum, slowly: a second opinion on net/checksum.cpp.
inline std::uint16_t slow_checksum(const Bytes& b) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        sum += (i % 2 == 0) ? std::uint32_t{b[i]} << 8U : std::uint32_t{b[i]};
    }
    while ((sum >> 16U) != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

inline Bytes ether_frame(const MacAddress& to, const MacAddress& from, unsigned type,
                         const Bytes& payload) {
    Bytes frame(to.bytes.begin(), to.bytes.end());
    frame.insert(frame.end(), from.bytes.begin(), from.bytes.end());
    frame.resize(kEther);
    put16(frame, 12, type);
    return joined(std::move(frame), payload);
}

struct IpFields {
    Ipv4 source{kPeer};
    Ipv4 destination{kBoard};
    unsigned protocol{17};
    unsigned flags_offset{0};
    Bytes options{};
};

inline void fix_ip(Bytes& packet, std::size_t at = 0) {
    const std::size_t header = (packet[at] & 0xFU) * std::size_t{4};
    put16(packet, at + 10, 0);
    put16(packet, at + 10, slow_checksum(slice(packet, at, header)));
}

inline Bytes ip_packet(const IpFields& f, const Bytes& payload) {
    Bytes p(kIp);
    p = joined(std::move(p), f.options);
    p[0] = static_cast<std::uint8_t>(0x40U | (p.size() / 4));
    put16(p, 2, static_cast<unsigned>(p.size() + payload.size()));
    put16(p, 6, f.flags_offset);
    p[8] = 64;
    p[9] = static_cast<std::uint8_t>(f.protocol);
    put32(p, 12, f.source.host);
    put32(p, 16, f.destination.host);
    fix_ip(p);
    return joined(std::move(p), payload);
}

inline Bytes ip_frame(const IpFields& f, const Bytes& payload) {
    return ether_frame(kBoardMac, kPeerMac, 0x0800, ip_packet(f, payload));
}

inline Bytes icmp_message(unsigned type, unsigned code, std::uint32_t rest, const Bytes& data) {
    Bytes m(8);
    m[0] = static_cast<std::uint8_t>(type);
    m[1] = static_cast<std::uint8_t>(code);
    put32(m, 4, rest);
    m = joined(std::move(m), data);
    put16(m, 2, slow_checksum(m));
    return m;
}

inline Bytes pseudo_header(Ipv4 source, Ipv4 destination, unsigned protocol, std::size_t length) {
    Bytes p(12);
    put32(p, 0, source.host);
    put32(p, 4, destination.host);
    p[9] = static_cast<std::uint8_t>(protocol);
    put16(p, 10, static_cast<unsigned>(length));
    return p;
}

inline Bytes udp_datagram(Ipv4 source, Ipv4 destination, unsigned from, unsigned to,
                          const Bytes& data) {
    Bytes d(8);
    put16(d, 0, from);
    put16(d, 2, to);
    put16(d, 4, static_cast<unsigned>(8 + data.size()));
    d = joined(std::move(d), data);
    put16(d, 6, slow_checksum(joined(pseudo_header(source, destination, 17, d.size()), d)));
    return d;
}

inline Bytes udp_frame(unsigned from, unsigned to, const Bytes& data) {
    return ip_frame({}, udp_datagram(kPeer, kBoard, from, to, data));
}

struct ArpFields {
    unsigned operation{1};
    MacAddress sender_mac{kPeerMac};
    Ipv4 sender{kPeer};
    MacAddress target_mac{};
    Ipv4 target{kBoard};
};

inline Bytes arp_packet(const ArpFields& f) {
    Bytes p(28);
    put16(p, 0, 1);
    put16(p, 2, 0x0800);
    p[4] = 6;
    p[5] = 4;
    put16(p, 6, f.operation);
    std::copy(f.sender_mac.bytes.begin(), f.sender_mac.bytes.end(), p.begin() + 8);
    put32(p, 14, f.sender.host);
    std::copy(f.target_mac.bytes.begin(), f.target_mac.bytes.end(), p.begin() + 18);
    put32(p, 24, f.target.host);
    return p;
}

inline Bytes arp_frame(const ArpFields& f, const MacAddress& to = kBoardMac) {
    return ether_frame(to, f.sender_mac, 0x0806, arp_packet(f));
}

}  // namespace kyu::net::test
