// For tests only: a DHCP server's messages, and a server that follows a script.
#pragma once

#include "net/dhcp.hpp"
#include "net/frames_test_support.hpp"

namespace kyu::net::test {

struct DhcpFields {
    unsigned type{2};
    std::uint32_t xid{1};
    MacAddress client{kBoardMac};
    Ipv4 address{10, 0, 2, 15};
    Ipv4 server{10, 0, 2, 2};
    Ipv4 mask{255, 255, 255, 0};
    Ipv4 router{10, 0, 2, 2};
    std::uint32_t lease_s{86400};
    std::uint32_t t1_s{0};
    std::uint32_t t2_s{0};
};

/// A reply with these bytes in its option area and nothing after them.
inline Bytes dhcp_with_options(const Bytes& options, const DhcpFields& f = {}) {
    Bytes b(240);
    b[0] = 2;
    b[1] = 1;
    b[2] = 6;
    put32(b, 4, f.xid);
    put32(b, 16, f.address.host);
    std::copy(f.client.bytes.begin(), f.client.bytes.end(), b.begin() + 28);
    put32(b, 236, 0x63825363);
    return joined(std::move(b), options);
}

inline Bytes dhcp_reply(const DhcpFields& f) {
    Bytes o{53, 1, static_cast<std::uint8_t>(f.type)};
    const auto number = [&o](std::uint8_t option, std::uint32_t value) {
        o = joined(std::move(o), {option, 4, 0, 0, 0, 0});
        put32(o, o.size() - 4, value);
    };
    if (!f.server.is_any()) number(54, f.server.host);
    number(1, f.mask.host);
    number(3, f.router.host);
    number(6, Ipv4{10, 0, 2, 3}.host);
    number(51, f.lease_s);
    if (f.t1_s != 0) number(58, f.t1_s);
    if (f.t2_s != 0) number(59, f.t2_s);
    o.push_back(255);
    return dhcp_with_options(o, f);
}

/// The value of an option in a client's message; empty when it is not there.
inline Bytes dhcp_option(const Bytes& message, unsigned option) {
    for (std::size_t at = 240; at + 1 < message.size() && message[at] != 255;) {
        if (message[at] == 0) {
            ++at;
            continue;
        }
        if (message[at] == option) return slice(message, at + 2, message[at + 1]);
        at += 2U + message[at + 1];
    }
    return {};
}

/// What a client sent, without its headers; empty when the frame is something else.
inline Bytes dhcp_question(const Bytes& frame) {
    const bool ours = frame.size() > kEther + kIp + 8 && get16(frame, 12) == 0x0800 &&
                      frame[kEther + 9] == 17 && get16(frame, kEther + kIp + 2) == kDhcpServerPort;
    return ours ? slice(frame, kEther + kIp + 8) : Bytes{};
}

inline Bytes dhcp_frame(const Bytes& message, Ipv4 to = Ipv4{0xFFFFFFFF},
                        Ipv4 from = Ipv4{10, 0, 2, 2}) {
    const MacAddress mac = to.is_limited_broadcast() ? MacAddress::broadcast() : kBoardMac;
    return ether_frame(
        mac, kPeerMac, 0x0800,
        ip_packet({.source = from, .destination = to},
                  udp_datagram(from, to, kDhcpServerPort, kDhcpClientPort, message)));
}

}  // namespace kyu::net::test
