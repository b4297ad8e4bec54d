// TCP (RFC 9293): the entries that the rest of the stack calls.
//
// Lock      the network lock, everywhere.
// Time      net.now() is read once per entry; deadlines are Instants the net thread sleeps on.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "net/ip.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

class LockedNet;

/// A segment that IP received; `segment` begins at the TCP header and ends where IP says.
void tcp_input(LockedNet& net, Mbuf&& segment, const IpInfo& ip);

/// Takes the next frame from the link, if it is the TCP segment that is expected next; the caller
/// counts it. False: nothing has happened, the frame goes the ordinary way.
[[nodiscard]] bool tcp_express_input(LockedNet& net);

/// Before anything else happens to any connection: what ACKs that were taken so have moved.
void tcp_settle_acks(LockedNet& net);

/// The end of a batch of segments: what they made due is sent, in as few segments as it takes.
void tcp_end_batch(LockedNet& net);

/// Runs every TCP timer whose deadline has come.
void tcp_timers(LockedNet& net);

/// When tcp_timers() must run next; never() when nothing is armed. O(1).
[[nodiscard]] Instant tcp_next_deadline(const LockedNet& net);

/// ICMP says something about a segment that this host sent (RFC 5927): type and code of the error,
/// the quoted four-tuple (local = quoted source) and the quoted sequence number.
void tcp_icmp_error(LockedNet& net, std::uint8_t type, std::uint8_t code,
                    std::uint16_t next_hop_mtu, const FourTuple& quoted, std::uint32_t quoted_seq);

/// The interface's address has changed or gone: connections from the old one are aborted.
void tcp_address_lost(LockedNet& net, Ipv4 address);

}  // namespace kyu::net
