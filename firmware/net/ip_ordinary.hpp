// Whether an IPv4 packet is of the ordinary kind, in few steps.
//
// Lock      the network lock.
#pragma once

#include "net/interface.hpp"
#include "net/wire/ipv4.hpp"

namespace kyu::net {

/// Nearly every packet: no options, whole, from where the last one came to our own address, and its
/// lengths and checksum are right. The checks are those of ip_receive(); false: look more closely.
[[nodiscard]] inline bool is_ordinary(const Interface& interface, const Ipv4Header& header,
                                      std::size_t packet_bytes) {
    constexpr std::uint8_t kPlain = 0x45;  // version 4, five words
    const std::size_t total = header.total_length.host();
    return header.version_ihl == kPlain && total <= packet_bytes && total > sizeof header &&
           (header.flags_offset.host() & ~Ipv4Header::kDontFragment) == 0 &&
           interface.has_address() && Ipv4{header.destination} == interface.address &&
           !interface.usual_source.is_any() && Ipv4{header.source} == interface.usual_source &&
           header_checksum(reinterpret_cast<const std::byte*>(&header), sizeof header / 4) == 0;
}

}  // namespace kyu::net
