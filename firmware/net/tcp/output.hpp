// Emission of segments: the only place where TCP hands anything to IP.
//
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "net/packet/mbuf.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/syn_cache.hpp"
#include "net/tcp/tcpcb.hpp"
#include "net/tcp/time_wait.hpp"

namespace kyu::net {

class LockedNet;

/// Sends whatever the connection may and must send now: data that the windows allow, SYN, FIN, an
/// ACK that is due, a window update. Arms retransmission or persist accordingly. Never frees `tp`.
void tcp_output(LockedNet& net, Tcpcb& tp);

/// One segment more, new or the last again, so that the peer tells of a loss at the tail.
void tcp_tail_probe(LockedNet& net, Tcpcb& tp);

/// One byte beyond a closed window, so that the peer tells when it opens (RFC 9293 §3.8.6.1).
void tcp_window_probe(LockedNet& net, Tcpcb& tp);

/// An ACK of what was acknowledged long ago, which the peer must answer.
void tcp_keepalive_probe(LockedNet& net, Tcpcb& tp);

/// A reset for a synchronized connection that is about to be dropped.
void tcp_send_reset(LockedNet& net, const Tcpcb& tp);

/// An ACK that asks the peer to prove itself (RFC 5961), within the host's limit.
void tcp_challenge_ack(LockedNet& net, Tcpcb& tp);

/// The reset that answers a segment nobody wants (RFC 9293 §3.10.7.1). Never answers a reset.
void answer_with_reset(LockedNet& net, const TcpSegment& seg);

void send_syn_ack(LockedNet& net, const SynRecord& record);
/// A bare segment of a half-open connection: a reset, or a challenge ACK.
void send_for_record(LockedNet& net, const SynRecord& record, std::uint8_t flags);
void send_time_wait_ack(LockedNet& net, const TimeWaitRecord& record);

/// The window field of a SYN, of a socket that buffers so many bytes.
[[nodiscard]] constexpr std::uint16_t syn_window(std::uint32_t receive_bytes) {
    return static_cast<std::uint16_t>(receive_bytes < kUnscaledBytes ? receive_bytes
                                                                     : kUnscaledBytes);
}

/// The MSS option we send, and the bound of what we send: the path's MTU less headers.
[[nodiscard]] std::uint16_t mss_towards(const LockedNet& net, Ipv4 remote);

/// Sending MSS from a peer's SYN: its option, floored, and never more than the path takes.
[[nodiscard]] std::uint16_t send_mss(const LockedNet& net, Ipv4 remote, const TcpOptions& options);

}  // namespace kyu::net
