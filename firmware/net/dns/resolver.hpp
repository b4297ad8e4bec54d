// The resolver: a name's IPv4 address, for threads.
//
// Context   threads. Blocks for up to kDnsTry for each server and round.
// Rules     each question has a random number and leaves from a random port of its own; an answer
//           is looked at only when it comes from the server that was asked, at that port, with that
//           number (RFC 5452 §9). A server that fails or stays silent gives way to the next.
#pragma once

#include <array>
#include <string_view>

#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/dhcp_message.hpp"
#include "net/dns/message.hpp"

namespace kyu::net {

class Net;

inline constexpr std::uint16_t kDnsPort = 53;
inline constexpr Duration kDnsTry = Duration::from_s(2);
inline constexpr unsigned kDnsRounds = 2;

using DnsServers = std::array<Ipv4, kDnsServers>;

/// The server that was configured, or those that DHCP told; without any the gateway, which often
/// is one.
[[nodiscard]] DnsServers dns_servers(Net& net, ThreadContext& self);

/// The address of `name`, which may be one in digits, asked of `servers` (any: none). Answers are
/// kept in the cache.
[[nodiscard]] Result<Ipv4, DnsError> dns_resolve(Net& net, ThreadContext& self,
                                                 std::string_view name, const DnsServers& servers);

}  // namespace kyu::net
