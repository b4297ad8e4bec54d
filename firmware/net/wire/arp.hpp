// ARP packets for Ethernet and IPv4 (RFC 826).
//
// Context   any. Pure.
#pragma once

#include "base/endian.hpp"
#include "base/result.hpp"
#include "net/ip_address.hpp"
#include "net/stats.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

struct ArpPacket {
    static constexpr std::uint16_t kEthernet = 1;
    static constexpr std::uint16_t kIpv4 = 0x0800;
    static constexpr std::uint16_t kRequest = 1;
    static constexpr std::uint16_t kReply = 2;

    Be16 hardware;
    Be16 protocol;
    std::uint8_t hardware_bytes;
    std::uint8_t protocol_bytes;
    Be16 operation;
    MacAddress sender_mac;
    Be32 sender;
    MacAddress target_mac;
    Be32 target;

    /// Checks that it is whole and speaks of Ethernet and IPv4.
    static Result<const ArpPacket*, Drop> parse(std::span<const std::byte> bytes) {
        const auto* p = header_at<ArpPacket>(bytes);
        if (p == nullptr) return Drop::arp_short;
        if (p->hardware.host() != kEthernet || p->protocol.host() != kIpv4 ||
            p->hardware_bytes != 6 || p->protocol_bytes != 4) {
            return Drop::arp_format;
        }
        if (p->operation.host() != kRequest && p->operation.host() != kReply) {
            return Drop::arp_format;
        }
        return p;
    }
};
static_assert(sizeof(ArpPacket) == 28 && alignof(ArpPacket) == 1);

}  // namespace kyu::net
