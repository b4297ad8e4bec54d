// Tcpcb: one connection's control block (RFC 9293 §3.3.1). Names of variables are the RFC's.
//
// Ownership lives in TcpState's pool; it always has a socket, whose `pcb` points back. Freed in one
//           place (connection.cpp), after which nobody may touch it: functions that may free it
//           return Next::done, and their callers return at once.
// Lock      the network lock.
#pragma once

#include <array>
#include <cstdint>

#include "base/intrusive_list.hpp"
#include "base/time.hpp"
#include "net/ip_address.hpp"
#include "net/tcp/congestion.hpp"
#include "net/tcp/negotiated.hpp"
#include "net/tcp/reassembly.hpp"
#include "net/tcp/recovery.hpp"
#include "net/tcp/rtt.hpp"
#include "net/tcp/sack_report.hpp"
#include "net/tcp/scoreboard.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/seq.hpp"

namespace kyu::net {

class Socket;

/// RFC 9293 §3.3.2. LISTEN and a passive SYN-RECEIVED have no control block here (Socket,
/// SynRecord), nor has TIME-WAIT (TimeWaitRecord).
enum class ConnectionState : std::uint8_t {
    syn_sent,
    syn_received,  ///< simultaneous open only
    established,
    fin_wait_1,
    fin_wait_2,
    close_wait,
    closing,
    last_ack,
};
[[nodiscard]] const char* to_text(ConnectionState state);
/// The peer has not sent its FIN, or we have not come to it.
[[nodiscard]] constexpr bool receives(ConnectionState state) {
    return state == ConnectionState::established || state == ConnectionState::fin_wait_1 ||
           state == ConnectionState::fin_wait_2;
}

enum class TcpTimer : std::uint8_t {
    retransmit,
    persist,  ///< the peer's window is shut, or too small to be worth sending into
    delayed_ack,
    probe,  ///< a loss at the tail, or one that may be mere reordering (RFC 8985)
    keepalive,
    linger,  ///< nobody owns the connection and the peer does not finish it
    resend,  ///< memory or ring were full: try again shortly
    count_
};

struct OutputTag;

struct Tcpcb : ListLink<OutputTag> {
    FourTuple tuple;
    Tcpcb* hash_next{nullptr};
    Socket* socket{nullptr};
    ConnectionState state{ConnectionState::syn_sent};

    // Send sequence variables.
    SeqNum iss;
    SeqNum snd_una;
    SeqNum snd_nxt;
    SeqNum snd_max;    ///< end of what was ever sent: of a window probe, beyond snd_nxt
    SeqNum small_end;  ///< end of the last segment that was not full: what Nagle waits for
    SeqNum snd_wl1;
    SeqNum snd_wl2;
    std::uint32_t snd_wnd{0};
    std::uint32_t snd_wnd_max{0};
    std::uint32_t mss{0};  ///< payload of a full-sized segment we send, options taken off

    // Receive sequence variables.
    SeqNum irs;
    SeqNum rcv_nxt;
    SeqNum rcv_adv;        ///< right edge of the window as advertised: it never moves back
    SeqNum last_ack_sent;  ///< rcv_nxt as we last told it (RFC 7323 §4.3)
    ReassemblyQueue reassembly;
    SackReport report;

    Negotiated agreed;
    Instant ts_recent_at;  ///< when agreed.ts_recent was taken

    // What is due.
    bool ack_now{false};
    bool fin_wanted{false};    ///< the user has sent everything
    bool more_to_come{false};  ///< a send call is in progress: hold a partial segment
    bool no_delay{false};      ///< Nagle's algorithm off
    bool force_output{false};  ///< the persist timer overrides silly-window avoidance once
    bool data_lost{false};     ///< data came after close: the peer is told by a reset at the end
    bool fin_acked{false};
    std::uint32_t unacked_bytes{0};  ///< received in order since our last ACK
    std::uint32_t rcv_segment{1};    ///< the largest payload the peer has sent: its MSS, in effect
    unsigned retries{0};             ///< expiries since the last progress
    unsigned persist_shift{0};
    bool ecn_echo{false};  ///< ECE until the peer says CWR
    bool cwr_due{false};   ///< the next new data tell that we have slowed down
    SeqNum ecn_until;      ///< no further reduction before this is acknowledged
    std::uint8_t keep_probes{0};
    Duration give_up_after{kGiveUpAfter};  ///< without progress (R2, or the user timeout)
    bool unreachable{false};               ///< an ICMP error was seen (RFC 5927: soft)

    // Time.
    bool timing{false};       ///< a round trip is being measured (Karn: of new data only)
    bool timed_again{false};  ///< what was timed was sent again: only a timestamp can tell
    SeqNum timed_seq;
    Instant timed_at;
    Instant last_heard;
    Instant last_progress;  ///< when snd_una last moved, or the first wait began
    Instant last_sent;
    Instant keep_probed_at;                  ///< the last of keep_probes
    Instant orphan_until{Instant::never()};  ///< closed by the user: no longer than this
    RttEstimator rtt;
    Congestion congestion;
    Recovery recovery;
    Scoreboard sent;  ///< of [snd_una, snd_nxt), once the SYN is acknowledged

    std::array<Instant, static_cast<std::size_t>(TcpTimer::count_)> deadlines{
        Instant::never(), Instant::never(), Instant::never(), Instant::never(),
        Instant::never(), Instant::never(), Instant::never()};
    Instant filed_at{};
    std::uint32_t heap_index{UINT32_MAX};

    [[nodiscard]] Instant deadline(TcpTimer which) const {
        return deadlines[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] bool armed(TcpTimer which) const { return deadline(which) != Instant::never(); }
    void disarm(TcpTimer which) { deadlines[static_cast<std::size_t>(which)] = Instant::never(); }

    /// SYN is not acknowledged yet: it stands in front of the send buffer's first byte.
    [[nodiscard]] bool syn_unacked() const {
        return state == ConnectionState::syn_sent || state == ConnectionState::syn_received;
    }
    [[nodiscard]] bool synchronized() const { return state != ConnectionState::syn_sent; }
    /// Bytes and flags sent and not acknowledged.
    [[nodiscard]] std::uint32_t in_flight() const { return (snd_nxt - snd_una).value; }
    /// What the peer may still send without another window from us.
    [[nodiscard]] std::uint32_t advertised() const { return (rcv_adv - rcv_nxt).value; }
};

/// Whether the caller may go on with the connection, or it is finished with this segment (and the
/// control block may be gone).
enum class [[nodiscard]] Next : std::uint8_t { step, done };

}  // namespace kyu::net
