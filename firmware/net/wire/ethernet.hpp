// Ethernet II frames (IEEE 802.3 §3), as they lie on the wire.
//
// Rules     all fields are byte arrays: alignment 1. The FCS is the link's business.
// Context   any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endian.hpp"
#include "net/ip_address.hpp"

namespace kyu::net {

enum class EtherType : std::uint16_t { ipv4 = 0x0800, arp = 0x0806 };
/// Values below are lengths of 802.3 frames with an LLC header, not types (§3.2.6).
inline constexpr std::uint16_t kSmallestEtherType = 0x0600;

struct EthernetHeader {
    MacAddress destination;
    MacAddress source;
    Be16 type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

}  // namespace kyu::net
