// The Internet checksum (RFC 1071), incrementally and over chains.
//
// Context   any. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/ip_address.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

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
