// ICMP (RFC 792, RFC 1122 §3.2.2): echo, and errors in both directions.
//
// Lock      the network lock.
// Rules     an error is never sent about an error, a group address, a fragment other than the first
//           or a source that is not one host (RFC 1122 §3.2.2). All errors share one rate limit,
//           which takes now and then two tokens for one error: a limit that can be counted exactly
//           lets a third party find open ports by it (RFC 8085 §5.2's worry, CVE-2020-25705).
#pragma once

#include <cstdint>

#include "net/ip.hpp"
#include "net/packet/mbuf.hpp"
#include "net/rate_limit.hpp"

namespace kyu::net {

class LockedNet;

enum class IcmpType : std::uint8_t {
    echo_reply = 0,
    unreachable = 3,
    source_quench = 4,
    redirect = 5,
    echo = 8,
    time_exceeded = 11,
    parameter_problem = 12
};
/// Codes of IcmpType::unreachable.
enum class Unreachable : std::uint8_t { net = 0, host = 1, protocol = 2, port = 3, too_big = 4 };

struct IcmpState {
    /// 100 errors a second, 20 in a burst: enough for a port scan to be told, not for a flood.
    RateLimit errors{Duration::from_ms(10), 20};
};

/// A received ICMP message, IP header taken off.
void icmp_input(LockedNet& net, Mbuf&& message, const IpInfo& ip);

/// What an error says.
struct IcmpFault {
    IcmpType type{IcmpType::unreachable};
    std::uint8_t code{0};
    std::uint8_t pointer{0};  ///< of a parameter problem: the byte of the packet that is wrong
};

/// Tells the sender of `packet` why it was dropped. `packet` begins at its IP header, whose checks
/// have passed and which is quoted as it came; `ip` is what IP made of that header.
void icmp_error(LockedNet& net, const IcmpFault& fault, const Mbuf& packet, const IpInfo& ip);
inline void icmp_unreachable(LockedNet& net, Unreachable code, const Mbuf& packet,
                             const IpInfo& ip) {
    icmp_error(net, {IcmpType::unreachable, static_cast<std::uint8_t>(code)}, packet, ip);
}

}  // namespace kyu::net
