// UDP headers (RFC 768).
//
// Context   any. Pure.
#pragma once

#include "base/endian.hpp"
#include "base/result.hpp"
#include "net/stats.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

struct UdpHeader {
    Be16 source;
    Be16 destination;
    Be16 length;    ///< of header and payload
    Be16 checksum;  ///< 0: the sender made none (RFC 768)

    /// `front` is the contiguous front of a datagram of `datagram_bytes` in all.
    static Result<const UdpHeader*, Drop> parse(std::span<const std::byte> front,
                                                std::size_t datagram_bytes) {
        const auto* h = header_at<UdpHeader>(front);
        if (h == nullptr) return Drop::udp_short;
        if (h->length.host() < sizeof(UdpHeader) || h->length.host() > datagram_bytes) {
            return Drop::udp_length;
        }
        return h;
    }
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);

}  // namespace kyu::net
