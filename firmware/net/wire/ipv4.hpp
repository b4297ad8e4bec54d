// IPv4 headers (RFC 791 §3.1).
//
// Context   any. Pure.
// Rules     parse() answers in the order of RFC 1122 §3.2.1 and compares before it subtracts. It
//           does not look at addresses: what they mean depends on the interface.
#pragma once

#include "base/endian.hpp"
#include "base/result.hpp"
#include "net/checksum.hpp"
#include "net/ip_address.hpp"
#include "net/stats.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

struct Ipv4Header {
    static constexpr std::uint16_t kDontFragment = 0x4000;
    static constexpr std::uint16_t kMoreFragments = 0x2000;
    static constexpr std::uint16_t kOffsetMask = 0x1FFF;
    static constexpr std::size_t kLongest = 60;

    std::uint8_t version_ihl;
    std::uint8_t tos;
    Be16 total_length;
    Be16 id;
    Be16 flags_offset;
    std::uint8_t ttl;
    std::uint8_t protocol;
    Be16 checksum;
    Be32 source;
    Be32 destination;
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);

/// A header whose lengths and checksum have been checked; the accessors cannot fail.
class Ipv4View {
    const Ipv4Header* h_;
    explicit Ipv4View(const Ipv4Header* h) : h_(h) {}

public:
    /// `front` holds the contiguous bytes at the front of a packet of `packet_bytes` in all, and
    /// the whole header when it is that long at all.
    static Result<Ipv4View, Drop> parse(std::span<const std::byte> front,
                                        std::size_t packet_bytes) {
        const auto* h = header_at<Ipv4Header>(front);
        if (h == nullptr) return Drop::ip_short;
        if ((h->version_ihl >> 4U) != 4) return Drop::ip_version;
        const std::size_t header = std::size_t{h->version_ihl & 0xFU} * 4;
        if (header < sizeof(Ipv4Header) || header > front.size()) return Drop::ip_header_length;
        const std::size_t total = h->total_length.host();
        if (total < header || total > packet_bytes) return Drop::ip_total_length;
        if (header_checksum(front.data(), header / 4) != 0) return Drop::ip_checksum;
        return Ipv4View{h};
    }

    [[nodiscard]] const Ipv4Header& header() const { return *h_; }
    [[nodiscard]] std::size_t header_bytes() const {
        return std::size_t{h_->version_ihl & 0xFU} * 4;
    }
    [[nodiscard]] std::size_t total_bytes() const { return h_->total_length.host(); }
    [[nodiscard]] bool is_fragment() const {
        return (h_->flags_offset.host() & (Ipv4Header::kMoreFragments | Ipv4Header::kOffsetMask)) !=
               0;
    }
    /// Where this packet's payload begins in its datagram, bytes.
    [[nodiscard]] std::size_t fragment_offset() const {
        return static_cast<std::size_t>(h_->flags_offset.host() & Ipv4Header::kOffsetMask) * 8;
    }
};

}  // namespace kyu::net
