// Explicit congestion notification (RFC 3168 §6.1).
//
// Rules     Only new data are sent as ECT(0). A mark on what we receive is echoed on each ACK until
//           the peer says CWR; an echo brings our window down once a round trip. A SYN that has to
//           be sent again asks for nothing: the path may not bear the bits (§6.1.1.1).
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "net/tcp/segment.hpp"

namespace kyu::net {

class LockedNet;
struct Tcpcb;

inline constexpr std::uint8_t kEct0 = 2;
inline constexpr std::uint8_t kEcnMask = 3;
inline constexpr std::uint8_t kCongestionExperienced = 3;
inline constexpr std::uint8_t kEcnSetup = TcpFlags::kEce | TcpFlags::kCwr;

/// Whether a SYN asks for ECN, and whether a SYN-ACK grants it.
[[nodiscard]] constexpr bool ecn_asks(TcpFlags flags) {
    return (flags.bits & kEcnSetup) == kEcnSetup;
}
[[nodiscard]] constexpr bool ecn_grants(TcpFlags flags) {
    return (flags.bits & kEcnSetup) == TcpFlags::kEce;
}

/// What a segment of a connection with ECN says, to the receiver and to the sender.
void ecn_take(LockedNet& net, Tcpcb& tp, const TcpSegment& seg);

}  // namespace kyu::net
