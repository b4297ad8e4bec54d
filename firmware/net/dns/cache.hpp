// DnsState: names that have been asked for, for as long as their answers hold.
//
// Lock      the network lock.
// Limits    kDnsCacheEntries; names longer than an entry has room for are not kept. The entry that
//           ends first gives way.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"
#include "net/ip_address.hpp"

namespace kyu::net {

class LockedNet;

inline constexpr std::size_t kDnsCacheEntries = 16;
inline constexpr std::size_t kDnsCacheName = 64;
/// RFC 2181 §8 lets a resolver cap what it is told; a day is enough for a board.
inline constexpr std::uint32_t kDnsTtlMax_s = 86400;

struct DnsState {
    struct Entry {
        std::array<char, kDnsCacheName> name{};  ///< in small letters
        std::uint8_t size{0};                    ///< 0: free
        Ipv4 address{};
        Instant ends{};
    };
    std::array<Entry, kDnsCacheEntries> entries{};
    Ipv4 server{};  ///< configured; any: DHCP's, or the gateway
    std::uint64_t questions{};
    std::uint64_t hits{};
};

/// What is known of `name`, in small letters.
[[nodiscard]] std::optional<Ipv4> dns_lookup(LockedNet& net, std::string_view name);
void dns_keep(LockedNet& net, std::string_view name, Ipv4 address, std::uint32_t ttl_s);
/// The network has changed, and names may mean other hosts there.
void dns_forget(LockedNet& net);

}  // namespace kyu::net
