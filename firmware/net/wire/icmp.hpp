// ICMP headers (RFC 792), and what an error quotes.
//
// Context   any. Pure.
#pragma once

#include "base/endian.hpp"
#include "base/result.hpp"
#include "net/ip_address.hpp"
#include "net/stats.hpp"
#include "net/wire/ipv4.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

struct IcmpHeader {
    std::uint8_t type;
    std::uint8_t code;
    Be16 checksum;
    Be16 id;        ///< echo; unused in errors
    Be16 sequence;  ///< echo; next-hop MTU in "too big" (RFC 1191 §4)
};
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

/// The packet that an ICMP error is about: its header and the 8 bytes that RFC 792 promises.
struct IcmpQuote {
    static constexpr std::size_t kPromised = 8;
    std::uint8_t protocol{};
    Ipv4 source{};
    Ipv4 destination{};
    std::span<const std::byte, kPromised> transport;

    /// `quoted` is what follows the ICMP header, as far as it is contiguous. The quoted checksum
    /// is not looked at: routers change the TTL.
    static Result<IcmpQuote, Drop> parse(std::span<const std::byte> quoted) {
        const auto* h = header_at<Ipv4Header>(quoted);
        if (h == nullptr || (h->version_ihl >> 4U) != 4) return Drop::icmp_bad_quote;
        const std::size_t header = std::size_t{h->version_ihl & 0xFU} * 4;
        if (header < sizeof(Ipv4Header) || quoted.size() < header + kPromised) {
            return Drop::icmp_bad_quote;
        }
        // Only a first fragment quotes a transport header.
        if ((h->flags_offset.host() & Ipv4Header::kOffsetMask) != 0) return Drop::icmp_bad_quote;
        return IcmpQuote{h->protocol, Ipv4{h->source}, Ipv4{h->destination},
                         quoted.subspan(header).first<kPromised>()};
    }
};

}  // namespace kyu::net
