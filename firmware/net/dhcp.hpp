// The DHCP client (RFC 2131): an address for a while, renewed in time.
//
// Lock      the network lock. Datagrams come by a handler of port 68, time by dhcp_timers().
// Time      a question is repeated after 1, 2, 4 … 64 s, each spread by up to a quarter; leases and
//           their T1 < T2 < end are put right when the server's numbers make no sense.
// Rules     parsing (dhcp_message.hpp) is pure; this machine sees only checked messages.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "net/dhcp_message.hpp"
#include "net/ip_address.hpp"
#include "net/udp.hpp"

namespace kyu::net {

class LockedNet;

inline constexpr std::uint16_t kDhcpClientPort = 68;
inline constexpr std::uint16_t kDhcpServerPort = 67;
inline constexpr Duration kDhcpFirstRetry = Duration::from_s(1);
inline constexpr Duration kDhcpLastRetry = Duration::from_s(64);
/// RFC 2131 §4.4.5 asks for a minute between renewals; a lease shorter than that needs less.
inline constexpr Duration kDhcpRenewRetryMin = Duration::from_s(2);
inline constexpr unsigned kDhcpRequestTries = 4;
/// RFC 2131 §3.1: how long a client waits after it has declined an address.
inline constexpr Duration kDhcpDeclineWait = Duration::from_s(10);

struct DhcpClient {
    enum class State : std::uint8_t {
        off,
        selecting,
        requesting,
        probing,  ///< acknowledged: is it free? (RFC 2131 §2.2, RFC 5227)
        bound,
        renewing,
        rebinding
    };

    State state{State::off};
    std::uint32_t xid{};
    DhcpLease lease{};  ///< offered or held
    Instant since{};    ///< when this search or renewal began
    Instant leased_at{};
    Instant renew_at{Instant::never()};
    Instant rebind_at{Instant::never()};
    Instant expires_at{Instant::never()};
    Instant next{Instant::never()};  ///< the next thing to do
    Duration retry{kDhcpFirstRetry};
    unsigned tries{0};
    UdpId port{};

    // What happens when nobody answers: a fixed address from `fallback_at` on.
    Instant fallback_at{Instant::never()};
    Ipv4 fallback_address{};
    std::uint8_t fallback_prefix_bits{0};
    Ipv4 fallback_gateway{};

    std::uint32_t offers{};
    std::uint32_t acks{};
    std::uint32_t naks{};
    std::uint32_t declines{};
};
[[nodiscard]] const char* to_text(DhcpClient::State state);

/// Starts to look for an address. With a fallback, gives up at `fallback_at` and uses that.
void dhcp_start(LockedNet& net);
/// Stops and frees the port; the address in use is left alone.
void dhcp_stop(LockedNet& net);
/// The acknowledged address has been asked for on the wire: it is free, or another host has it.
void dhcp_probed(LockedNet& net, bool unused);
/// Another host has the address in use: it is given up and declined (RFC 2131 §3.1).
void dhcp_address_lost(LockedNet& net);
void dhcp_timers(LockedNet& net);
[[nodiscard]] Instant dhcp_next_deadline(const LockedNet& net);

}  // namespace kyu::net
