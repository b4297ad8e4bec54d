// TCP's limits and times, in one place and related to each other.
//
// Rules     A limit that is reached is an ordinary, counted outcome, never a panic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace kyu::net {

// ---- Room ----------------------------------------------------------------------------------
#if defined(KYU_SMALL_LIMITS)
/// Fuzzed stacks are made anew for each input: they must be small, and their limits within reach.
inline constexpr std::size_t kShrink = 16;
#else
inline constexpr std::size_t kShrink = 1;
#endif
inline constexpr std::size_t kTcpConnectionsMax = 256 / kShrink;  ///< blocks, orphans included
inline constexpr std::size_t kSocketsMax = 320 / kShrink;         ///< listeners and connections
inline constexpr std::size_t kSynRecordsMax = 1024 / kShrink;     ///< half-open passive connections
inline constexpr std::size_t kTimeWaitMax = 4096 / kShrink;       ///< connections in TIME_WAIT
inline constexpr std::size_t kReassemblyMax = 512 / kShrink;      ///< out-of-order pieces, of all
inline constexpr std::size_t kReassemblyPerConnection = 64 / kShrink;
inline constexpr std::size_t kBacklogMax = 128;  ///< connections waiting for accept()
static_assert(kSocketsMax > kTcpConnectionsMax, "listeners need sockets too");
static_assert(kReassemblyMax >= 4 * kReassemblyPerConnection, "no connection may take them all");

/// The widest window without scaling, and the receive buffer of a peer that cannot scale.
inline constexpr std::uint32_t kUnscaledBytes = 65535;
/// Bytes of a socket's buffers, unless its user chooses. The receive buffer bounds what a peer may
/// have under way: 256 KiB are 20 ms at 100 Mbit/s. They pin memory only while they are filled.
inline constexpr std::uint32_t kReceiveBytes = 256 * 1024;
inline constexpr std::uint32_t kSendBytes = 128 * 1024;
inline constexpr std::uint32_t kSockBufBytesMin = 4096;
inline constexpr std::uint32_t kSockBufBytesMax = 1U << 20U;
/// Pool memory that a buffer of `bytes` may pin before it is compacted (bsd-pitfalls B7): a full
/// segment pins 1.6 times its size.
inline constexpr std::uint32_t kSockBufMemoryMin = 4 * 65536;
constexpr std::uint32_t sockbuf_memory(std::uint32_t bytes) {
    return bytes > kSockBufMemoryMin / 2 ? bytes * 2 : kSockBufMemoryMin;
}
/// How much of the pool may be filled by data that wait for their readers, and by what is sent.
/// Senders get further than receivers: a reader that first has to write something (echo) can
/// always go on, and what it then reads makes room. The rest is for frames on their way in: when
/// no ACK can be received, what is queued is never freed.
inline constexpr std::uint32_t kPoolEighthsForReceive = 5;
inline constexpr std::uint32_t kPoolEighthsForSend = 6;
static_assert(kPoolEighthsForReceive < kPoolEighthsForSend && kPoolEighthsForSend < 8);
/// What each connection may hold for its reader all the same.
inline constexpr std::uint32_t kReceiveUnderPressure = 4096;
/// A sender that waits for room is woken when this much is free.
inline constexpr std::uint32_t kSendLowWater = 16 * 1024;
/// Memory that out-of-order data of one connection may pin.
inline constexpr std::uint32_t kReassemblyMemory = 512 * 1024;
static_assert(kReassemblyMemory >= sockbuf_memory(kReceiveBytes),
              "a full window, but its first byte");

/// Ranges of the scoreboard of one connection: about 16 for a round trip of ordinary sending, the
/// rest for holes.
inline constexpr std::size_t kSentRangesMax = 40;

// ---- Segment sizes -------------------------------------------------------------------------
inline constexpr std::uint16_t kMssFloor = 216;    ///< a smaller MSS from a peer is raised to this
inline constexpr std::uint16_t kMssDefault = 536;  ///< no MSS option (RFC 9293 §3.7.1)
inline constexpr std::uint16_t kMtuFloor = 552;    ///< ICMP may not push the path MTU below this
inline constexpr std::uint16_t kTcpIpHeaderBytes = 40;
static_assert(kMtuFloor - kTcpIpHeaderBytes >= kMssFloor);

// ---- Times ---------------------------------------------------------------------------------
inline constexpr Duration kRtoInitial = Duration::from_s(1);       ///< RFC 6298 §2.1
inline constexpr Duration kRtoAfterLostSyn = Duration::from_s(3);  ///< RFC 6298 §5.7
inline constexpr Duration kRtoMin = Duration::from_ms(200);        ///< RFC says 1 s; LANs do not
inline constexpr Duration kRtoMax = Duration::from_s(60);
inline constexpr Duration kDelayedAck = Duration::from_ms(40);  ///< RFC 9293 §3.8.6.3: <= 500 ms
/// RFC 8985 §7.2: a tail loss probe comes no sooner, and for a lone segment so much later,
/// since its ACK may be delayed.
inline constexpr Duration kTailProbeMin = Duration::from_ms(10);
inline constexpr Duration kPeerAckDelay = Duration::from_ms(100);
inline constexpr Duration kPersistMax = Duration::from_s(60);
inline constexpr Duration kResendAfterNoMemory = Duration::from_ms(5);
inline constexpr Duration kGiveUpAfter = Duration::from_s(100);  ///< R2 (RFC 9293 §3.8.3)
/// RFC 5482 §3.1: what a user or a peer may ask for instead.
inline constexpr Duration kUserTimeoutMin = Duration::from_s(1);
inline constexpr Duration kUserTimeoutMax = Duration::from_s(3600);
inline constexpr Duration kKeepTimeMin = Duration::from_ms(100);
/// Timeouts of full-sized segments after which the path is taken for one that swallows them
/// (RFC 2923 §2.1) and smaller ones are tried.
inline constexpr unsigned kBlackHoleRetries = 2;
inline constexpr Duration kOrphanLimit = Duration::from_s(60);  ///< closed, peer silent
/// Closed, and the peer takes what is left: at 220 bytes a second all of a send buffer. Who takes
/// crumbs would hold block and buffers for days.
inline constexpr Duration kOrphanLimitMax = Duration::from_s(600);
inline constexpr Duration kMsl = Duration::from_s(30);
inline constexpr Duration kTimeWait = kMsl * 2;
inline constexpr unsigned kSynRetriesMax = 6;     ///< of an active open: 1+2+4+8+16+32+60 s
inline constexpr unsigned kSynAckRetriesMax = 4;  ///< of a passive open: 1+2+4+8+16 s
static_assert(kRtoMin <= kRtoInitial && kRtoInitial <= kRtoMax);

/// RFC 5961 §7: challenge ACKs each second, over all connections; the exact limit is drawn anew
/// each second from [half, whole], so that it tells an observer nothing.
inline constexpr std::uint32_t kChallengeAcksPerSecond = 200;

/// RFC 6056: ephemeral ports.
inline constexpr std::uint16_t kPortFirst = 49152;
inline constexpr std::uint32_t kPortCount = 65536 - kPortFirst;

}  // namespace kyu::net
