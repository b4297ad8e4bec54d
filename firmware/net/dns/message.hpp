// DNS messages (RFC 1035): a question for one name's address, and what an answer says.
//
// Context   any. Pure: bytes in, values out.
// Rules     every length is compared with what is left. A compression pointer goes backwards only,
//           and at most kDnsJumpsMax of them are followed for one name; aliases are followed
//           kDnsAliasesMax times; no more than kDnsRecordsMax records are looked at.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "net/ip_address.hpp"

namespace kyu::net {

/// RFC 1035 §2.3.4, §4.2.1: what a message over UDP and a name on the wire may take.
inline constexpr std::size_t kDnsMessageMax = 512;
inline constexpr std::size_t kDnsNameMax = 255;
inline constexpr unsigned kDnsJumpsMax = 16;
inline constexpr unsigned kDnsAliasesMax = 8;
inline constexpr unsigned kDnsRecordsMax = 64;

enum class DnsError : std::uint8_t {
    bad_name,       ///< not a name that can be asked for
    no_server,      ///< no server is known
    no_answer,      ///< none of them answered in time
    no_such_name,   ///< RFC 1035 §4.1.1: name error
    no_address,     ///< the name is there and has no IPv4 address
    server_failed,  ///< it said so, or refused
    truncated,      ///< longer than a datagram: TCP would be needed
    too_long,       ///< more aliases in a row than are followed
    malformed,      ///< the message lies about its lengths, or loops
    foreign         ///< an answer to another question
};
[[nodiscard]] const char* to_text(DnsError error);

/// A name as it lies on the wire: labels with their lengths, small letters, ended by a zero.
struct DnsName {
    std::array<std::uint8_t, kDnsNameMax> bytes{};
    std::size_t size{0};
    friend bool operator==(const DnsName& a, const DnsName& b);
};

/// "host.example" or "host.example."; labels of 1 to 63 characters.
[[nodiscard]] Result<DnsName, DnsError> dns_name(std::string_view text);

struct DnsQuestion {
    std::array<std::byte, 12 + kDnsNameMax + 4> bytes{};
    std::size_t size{0};
    [[nodiscard]] std::span<const std::byte> span() const { return std::span{bytes}.first(size); }
};
/// Asks for the IPv4 addresses of `name`, with recursion.
[[nodiscard]] DnsQuestion build_dns(std::uint16_t id, const DnsName& name);

struct DnsAnswer {
    Ipv4 address{};         ///< the first that a host can have
    std::uint32_t ttl_s{};  ///< the least on the way to it
};
/// What `message` answers to the question of `id` for `name`.
[[nodiscard]] Result<DnsAnswer, DnsError> parse_dns(std::span<const std::byte> message,
                                                    std::uint16_t id, const DnsName& name);

}  // namespace kyu::net
