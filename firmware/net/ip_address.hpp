// Addresses: MacAddress, Ipv4, Endpoint, FourTuple.
//
// Rules     Plain values. Ipv4 keeps host byte order; wire structs keep Be32 and convert once.
// Context   any.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/endian.hpp"
#include "base/text.hpp"

namespace kyu::net {

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};
    static constexpr MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
    /// The group bit: broadcast and multicast (IEEE 802.3 §3.2.3).
    [[nodiscard]] constexpr bool is_group() const { return (bytes[0] & 1U) != 0; }
    friend constexpr bool operator==(const MacAddress& a, const MacAddress& b) {
        if (std::is_constant_evaluated()) return a.bytes == b.bytes;
        return a.head() == b.head() && a.tail() == b.tail();
    }

private:
    // Every frame is compared: two loads, not a call for six bytes.
    [[nodiscard]] std::uint32_t head() const {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        return word;
    }
    [[nodiscard]] std::uint16_t tail() const {
        std::uint16_t half = 0;
        std::memcpy(&half, bytes.data() + sizeof(std::uint32_t), sizeof half);
        return half;
    }
};
static_assert(sizeof(MacAddress) == 6 && alignof(MacAddress) == 1);

struct Ipv4 {
    std::uint32_t host{};  ///< 192.168.0.73 is 0xC0A80049

    constexpr Ipv4() = default;
    constexpr explicit Ipv4(std::uint32_t value) : host(value) {}
    constexpr explicit Ipv4(Be32 wire) : host(wire.host()) {}
    constexpr Ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
        : host((std::uint32_t{a} << 24U) | (std::uint32_t{b} << 16U) | (std::uint32_t{c} << 8U) |
               d) {}
    [[nodiscard]] constexpr Be32 wire() const { return Be32{host}; }
    [[nodiscard]] constexpr bool is_any() const { return host == 0; }
    [[nodiscard]] constexpr bool is_limited_broadcast() const { return host == 0xFFFFFFFFU; }
    [[nodiscard]] constexpr bool is_multicast() const { return (host >> 28U) == 0xEU; }
    [[nodiscard]] constexpr bool is_loopback() const { return (host >> 24U) == 127U; }
    friend constexpr auto operator<=>(Ipv4, Ipv4) = default;
};

/// Every host on this network (RFC 1112 §6.4): a group that is never joined and never left.
inline constexpr Ipv4 kAllHosts{224, 0, 0, 1};

struct Endpoint {
    Ipv4 address;
    std::uint16_t port{};
    friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// A connection as this host sees it.
struct FourTuple {
    Endpoint local;
    Endpoint remote;
    friend constexpr auto operator<=>(const FourTuple&, const FourTuple&) = default;
};

/// "192.168.0.73"; nothing else, no leading zeros beyond "0".
[[nodiscard]] std::optional<Ipv4> parse_ipv4(std::string_view text);

void print_to(TextSink& sink, Ipv4 address);               ///< 192.168.0.73
void print_to(TextSink& sink, const Endpoint& endpoint);   ///< 192.168.0.73:114
void print_to(TextSink& sink, const MacAddress& address);  ///< 52:54:00:12:34:56

}  // namespace kyu::net
