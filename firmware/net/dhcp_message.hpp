// DHCP messages: checked once, then plain values.
//
// Context   any. Pure: bytes in, values out.
// Rules     every length is compared with what is left before a byte is read; an option area has
//           no more steps than bytes; unknown options are skipped; of a repeated option the first
//           counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/ip_address.hpp"
#include "net/stats.hpp"

namespace kyu::net {

/// Name servers that are kept of those a server tells.
inline constexpr std::size_t kDnsServers = 2;

enum class DhcpType : std::uint8_t {
    none = 0,
    discover = 1,
    offer = 2,
    request = 3,
    decline = 4,
    ack = 5,
    nak = 6,
    release = 7
};

/// An answer of a server, as it was sent; `to_lease` judges whether it can be used.
struct DhcpReply {
    DhcpType type{DhcpType::none};
    std::uint32_t xid{};
    MacAddress client{};
    Ipv4 your_address{};
    Ipv4 server{};  ///< option 54; any: absent
    bool has_mask{false};
    Ipv4 mask{};
    Ipv4 router{};
    std::array<Ipv4, kDnsServers> dns{};
    bool has_lease{false};
    std::uint32_t lease_s{};
    std::uint32_t t1_s{};  ///< 0: absent
    std::uint32_t t2_s{};
};

/// Checks a BOOTP reply with DHCP options (RFC 2131 §2, RFC 2132).
[[nodiscard]] Result<DhcpReply, Drop> parse_dhcp(std::span<const std::byte> message);

struct DhcpLease {
    Ipv4 address{};
    std::uint8_t prefix_bits{};
    Ipv4 gateway{};
    std::array<Ipv4, kDnsServers> dns{};  ///< in the server's order; any: none
    Ipv4 server{};
    Duration length{};  ///< Duration of 2^32-1 s means for ever (RFC 2131 §3.3)
    Duration t1{};
    Duration t2{};
    bool endless{false};
};

/// A lease that can be used: an address a host can have, a contiguous mask, a router on that
/// network, 0 < T1 < T2 < length.
[[nodiscard]] Result<DhcpLease, Drop> to_lease(const DhcpReply& reply);

/// What a client asks; fields that stay `any` are left out.
struct DhcpQuestion {
    DhcpType type{DhcpType::discover};  ///< none: a plain BOOTP request (RFC 951)
    std::uint32_t xid{};
    std::uint16_t seconds{};  ///< since the search began
    MacAddress client{};
    Ipv4 client_address{};     ///< ciaddr: renewing and rebinding only
    Ipv4 requested_address{};  ///< option 50: requesting only
    Ipv4 server{};             ///< option 54: requesting only
};

/// 300 bytes: what old relays take for the smallest BOOTP message.
inline constexpr std::size_t kDhcpQuestionBytes = 300;
[[nodiscard]] std::array<std::byte, kDhcpQuestionBytes> build_dhcp(const DhcpQuestion& question);

}  // namespace kyu::net
