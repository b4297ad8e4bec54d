// The Internet checksum (RFC 1071), incrementally and over chains.
//
// Context   any. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "net/ip_address.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

/// The complement of the sum of a header of `words` 32-bit words, in the order of memory: 0 when a
/// checksum in it is right. A header is too short for Checksum to be worth its call. `sum`: words
/// of a pseudo-header, likewise.
[[nodiscard, gnu::always_inline]] inline std::uint32_t header_checksum(const std::byte* header,
                                                                       std::size_t words,
                                                                       std::uint64_t sum = 0) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < words; ++i) {
        std::uint32_t word = 0;
        std::memcpy(&word, header + 4 * i, sizeof word);
        sum += word;
    }
    sum = (sum & 0xFFFFFFFFU) + (sum >> 32U);
    std::uint32_t folded = static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(sum >> 32U);
    folded = (folded & 0xFFFFU) + (folded >> 16U);
    folded = (folded & 0xFFFFU) + (folded >> 16U);
    return ~folded & 0xFFFFU;
}

/// The same over a transport's whole packet and its pseudo-header (RFC 9293 §3.1): what a receiver
/// does. `packet` has at most 65,535 bytes.
[[nodiscard]] std::uint32_t transport_checksum(Ipv4 source, Ipv4 destination, std::uint8_t protocol,
                                               const Mbuf& packet);

/// A running one's-complement sum. Handles odd lengths anywhere in a chain (RFC 1071 §2 (B)).
class Checksum {
    std::uint32_t sum_{0};
    bool odd_{false};

public:
    void add(std::span<const std::byte> bytes);
    void add(const Mbuf& chain, std::size_t offset = 0);
    /// TCP and UDP pseudo-header (RFC 9293 §3.1); `length` in bytes of header and payload.
    void add_pseudo_header(Ipv4 source, Ipv4 destination, std::uint8_t protocol,
                           std::uint16_t length);
    /// The complement of the folded sum, host order: what goes on the wire; 0 over data that
    /// includes a right checksum.
    [[nodiscard]] std::uint16_t finish() const;
};

}  // namespace kyu::net
