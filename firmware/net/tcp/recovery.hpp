// Recovery: what a connection does about loss (RFC 5681, 6582, 6675, 6937, 8985).
//
// Rules     With SACK, RACK tells what is lost; without, three duplicate ACKs do, and partial ACKs
//           after them. What is lost is marked in the scoreboard and nothing is sent from here:
//           tcp_output sends what is marked, before anything new, as the window allows.
//           A timeout forgets the scoreboard and begins again with one segment.
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "net/tcp/congestion.hpp"
#include "net/tcp/prr.hpp"
#include "net/tcp/rack.hpp"
#include "net/tcp/scoreboard.hpp"
#include "net/tcp/seq.hpp"

namespace kyu::net {

class LockedNet;
struct Tcpcb;
struct TcpSegment;

struct Recovery {
    enum class Phase : std::uint8_t {
        open,
        recovery,  ///< of losses, at about the speed of before
        loss,      ///< after a timeout, from one segment on
    };
    Phase phase{Phase::open};
    bool must_send{false};        ///< the first segment of a recovery goes whatever the window is
    bool probing{false};          ///< a tail loss probe is out, and …
    bool probe_again{false};      ///< … it was not new data
    bool reorder_pending{false};  ///< the probe timer waits for reordering, not for a tail
    std::uint8_t partial_acks{0};
    std::uint8_t duplicates{0};  ///< without SACK: duplicate ACKs in a row …
    std::uint32_t credit{0};     ///< … and the bytes that must have left the network for them
    SeqNum until{};              ///< the episode ends when this is acknowledged
    SeqNum probe_end{};
    Prr prr;
    Rack rack;

    /// Nothing is missing as far as anybody knows.
    [[nodiscard]] bool calm() const {
        return phase == Phase::open && !probing && !reorder_pending && duplicates == 0;
    }
};

/// What one ACK did.
struct AckNews {
    std::uint32_t acked{0};      ///< bytes that snd_una moved
    std::uint32_t in_flight{0};  ///< before it
    bool duplicate{false};       ///< as RFC 5681 §2 counts them
};

/// Bytes that are taken to be in the network (RFC 6675 §4).
[[nodiscard]] std::uint32_t pipe_of(const Tcpcb& tp);

/// Acknowledged bytes leave the scoreboard; tp.snd_una has moved already.
std::uint32_t recovery_acknowledge(LockedNet& net, Tcpcb& tp, std::uint32_t echo);
/// ACKs while recovery is calm.
void recovery_plain_ack(LockedNet& net, Tcpcb& tp, const NewlyAcked& acked);
/// The windows, and what is lost. `delivered`: what recovery_acknowledge() returned.
void recovery_on_ack(LockedNet& net, Tcpcb& tp, const TcpSegment& seg, const AckNews& news,
                     std::uint32_t delivered);
/// The retransmission timer.
void recovery_on_timeout(Tcpcb& tp);
/// The probe timer (RFC 8985 §6.2 and §7.3). The caller calls tcp_output.
void recovery_on_probe_timer(LockedNet& net, Tcpcb& tp);
/// Something was sent or acknowledged: when to probe for a loss at the tail (§7.2).
void arm_tail_probe(LockedNet& net, Tcpcb& tp);

}  // namespace kyu::net
