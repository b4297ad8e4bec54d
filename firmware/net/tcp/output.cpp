// tcp_output: decides what goes out.
//
// Lock      the network lock.
// Rules     A segment that IP refuses leaves snd_nxt where it was: tcp_output comes back by the
//           resend timer.
#include "net/tcp/output.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kernel/port.hpp"
#include "net/net.hpp"
#include "net/tcp/build.hpp"
#include "net/tcp/ecn.hpp"

namespace kyu::net {

namespace {

/// Bytes that the receive buffer can promise, beyond rcv_nxt.
std::uint32_t promise(const LockedNet& net, const Tcpcb& tp) {
    const Socket& so = *tp.socket;
    const std::uint32_t limit = so.receive.limit();
    // An orphan discards what comes in, so it always has room.
    std::uint32_t space = so.orphan() ? limit : so.receive.space();
    if (!net.pool.used_below(kPoolEighthsForReceive)) {
        space = so.receive.size() < kReceiveUnderPressure ? kReceiveUnderPressure : 0;
    }
    // RFC 9293 §3.8.6.2.2: rather none than a little.
    if (space < std::min(limit / 2, tp.mss)) space = 0;
    return std::min(std::max(space, tp.advertised()),
                    std::uint32_t{UINT16_MAX} << tp.agreed.rcv_scale);
}

/// Whether the peer should hear of a wider window although nothing else is due.
bool window_update_due(const LockedNet& net, const Tcpcb& tp) {
    if (tp.state != ConnectionState::established && tp.state != ConnectionState::fin_wait_1 &&
        tp.state != ConnectionState::fin_wait_2) {
        return false;
    }
    // Scaling widens the window of the SYN; the first ACK is early enough to tell.
    if (tp.last_ack_sent == tp.irs + SeqLen{1}) return false;
    const std::uint32_t limit = tp.socket->receive.limit();
    const std::uint32_t gain = promise(net, tp) - tp.advertised();
    return gain >= limit / 2 || (gain >= 2 * tp.mss && tp.advertised() < limit / 4);
}

/// A segment of this connection, with what each of them carries.
Outgoing begin(LockedNet& net, const Tcpcb& tp, std::uint8_t flags) {
    Outgoing out;
    out.tuple = tp.tuple;
    out.ack = tp.rcv_nxt;
    out.flags = flags;
    if (tp.ecn_echo) out.flags |= TcpFlags::kEce;
    out.stamp(net, tp.agreed);
    return out;
}

/// The field that tells the window. RFC 7323 §2.3: rounded down; what was promised stays good.
std::uint16_t window_field(const LockedNet& net, const Tcpcb& tp) {
    return static_cast<std::uint16_t>(promise(net, tp) >> tp.agreed.rcv_scale);
}

/// The segment carried our ACK and a window of that many bytes.
void acknowledged_by_us(Tcpcb& tp, std::uint32_t window) {
    tp.rcv_adv = later(tp.rcv_adv, tp.rcv_nxt + SeqLen{window});
    tp.last_ack_sent = tp.rcv_nxt;
    tp.ack_now = false;
    tp.unacked_bytes = 0;
    tp.disarm(TcpTimer::delayed_ack);
}

struct Plan {
    std::uint32_t offset{};  ///< from snd_una, which is the send buffer's first byte
    std::uint32_t length{};
    bool fin{false};
    [[nodiscard]] std::uint32_t sequence() const { return length + (fin ? 1U : 0U); }
};

/// Bytes [offset, offset + length) of the send buffer and a FIN when the plan says so; the payload
/// is still missing.
Outgoing segment_of(LockedNet& net, Tcpcb& tp, const Plan& plan) {
    Outgoing out = begin(net, tp, TcpFlags::kAck);
    out.seq = tp.snd_una + SeqLen{plan.offset};
    out.window = window_field(net, tp);
    if (plan.fin) out.flags |= TcpFlags::kFin;
    if (tp.agreed.ecn && plan.length > 0 && out.seq == tp.snd_max &&
        tp.snd_wnd > 0) {  // RFC 3168 §6.1.5: new only
        out.tos = kEct0;
        if (tp.cwr_due) out.flags |= TcpFlags::kCwr;
        tp.cwr_due = false;
    }
    return out;
}

/// Builds and sends what the plan says.
bool emit(LockedNet& net, Tcpcb& tp, const Plan& plan) {
    const Socket& so = *tp.socket;
    Outgoing out = segment_of(net, tp, plan);
    if (plan.length > 0) {
        if (plan.offset + plan.length == so.send.size()) out.flags |= TcpFlags::kPsh;
        out.payload = so.send.share(plan.offset, plan.length);
        if (!out.payload) {
            net.tcp.stats.count(TcpCount::send_failures);
            return false;
        }
    }
    const std::uint32_t window = std::uint32_t{out.window} << tp.agreed.rcv_scale;
    if (!build_and_send(net, std::move(out))) return false;
    acknowledged_by_us(tp, window);
    tp.last_sent = net.now();
    if (tp.recovery.phase == Recovery::Phase::recovery) tp.recovery.prr.sent(plan.sequence());
    return true;
}

std::uint32_t us_now(const LockedNet& net) { return static_cast<std::uint32_t>(net.now().us()); }

/// The books of what has been sent for the first time: `sequence` numbers from snd_nxt on.
void note_sent(LockedNet& net, Tcpcb& tp, std::uint32_t sequence) {
    const SeqNum first = tp.snd_nxt;
    if (first == tp.snd_una) tp.recovery.rack.begin_flight();
    tp.snd_nxt = first + SeqLen{sequence};
    // What is sent within a sixteenth of a round trip is of one age.
    const auto quantum = static_cast<std::uint32_t>(tp.rtt.smoothed().us()) >> 4U;
    tp.sent.sent(tp.snd_nxt, us_now(net), quantum);
    if (!tp.snd_nxt.is_after(tp.snd_max)) {
        tp.timed_again = true;  // the byte of a window probe, once more
        net.tcp.stats.count(TcpCount::retransmits);
        return;
    }
    if (tp.snd_una == tp.snd_max) tp.last_progress = net.now();  // the wait for an ACK begins
    if (!tp.timing) {
        tp.timing = true;
        tp.timed_again = false;
        tp.timed_seq = first;
        tp.timed_at = net.now();
    }
    tp.snd_max = tp.snd_nxt;
}

/// Sends what begins at snd_nxt.
bool send_new(LockedNet& net, Tcpcb& tp, const Plan& plan) {
    if (!emit(net, tp, plan)) return false;
    note_sent(net, tp, plan.sequence());
    if (plan.length > 0 && plan.length < tp.mss && tp.snd_nxt == tp.snd_max) {
        tp.small_end = tp.snd_nxt;
    }
    return true;
}

/// Sends what was sent before, and keeps the books of it.
bool send_again(LockedNet& net, Tcpcb& tp, const Plan& plan) {
    if (!emit(net, tp, plan)) return false;
    const SeqNum first = tp.snd_una + SeqLen{plan.offset};
    tp.sent.resent(first, first + SeqLen{plan.sequence()}, us_now(net));
    tp.timed_again = true;  // Karn: from here on an ACK could be for either copy
    net.tcp.stats.count(TcpCount::retransmits);
    return true;
}

/// Of what was sent, the segment that begins at `first` and does not reach beyond `end`.
Plan sent_segment(const Tcpcb& tp, SeqNum first, SeqNum end) {
    const std::uint32_t offset = (first - tp.snd_una).value;
    const std::uint32_t buffered = tp.socket->send.size();
    const std::uint32_t upto = std::min((end - tp.snd_una).value, buffered);
    const std::uint32_t length = upto > offset ? std::min(upto - offset, tp.mss) : 0;
    const bool fin = offset + length == buffered && (end - tp.snd_una).value > buffered;
    return {offset, length, fin};
}

/// What is lost and may be sent again now (RFC 6675 §4, NextSeg rules 1 and 3).
std::optional<Plan> lost_segment(const Tcpcb& tp) {
    const auto stretch = tp.sent.first_lost();
    if (!stretch) return std::nullopt;
    const Plan plan = sent_segment(tp, stretch->first, stretch->end);
    if (tp.recovery.must_send) return plan;
    if (pipe_of(tp) + plan.sequence() > tp.congestion.window()) return std::nullopt;
    // A peer that took its window back gets the first segment only.
    if (plan.offset > 0 && plan.offset + plan.length > tp.snd_wnd) return std::nullopt;
    return plan;
}

/// What may be sent next from snd_nxt on, if anything (RFC 9293 §3.8.6.2.1).
std::optional<Plan> next_segment(const Tcpcb& tp) {
    const std::uint32_t buffered = tp.socket->send.size();
    const std::uint32_t offset = tp.in_flight();
    if (offset > buffered) return std::nullopt;  // the FIN has been sent
    const std::uint32_t pipe = tp.sent.clean() && tp.recovery.credit == 0 ? offset : pipe_of(tp);
    const std::uint32_t window = tp.congestion.window();
    const std::uint32_t allowed =
        std::min(tp.snd_wnd > offset ? tp.snd_wnd - offset : 0, window > pipe ? window - pipe : 0);
    const std::uint32_t length = std::min({buffered - offset, allowed, tp.mss});
    const bool all = offset + length == buffered;
    const Plan plan{offset, length, tp.fin_wanted && !tp.fin_acked && all};
    if (plan.fin || length == tp.mss) return plan;
    if (length == 0) return std::nullopt;
    if (tp.snd_nxt.is_before(tp.snd_max)) return plan;  // again: the first time decided
    if (tp.force_output || length >= (tp.snd_wnd_max + 1) / 2) return plan;
    // Nagle (RFC 9293 §3.7.4) in Minshall's form: a partial segment goes when no other partial one
    // is under way, so that the end of a bulk write need not wait for an ACK. Never in the middle
    // of a send call, which will soon complete it.
    const bool small_under_way = tp.small_end.is_after(tp.snd_una);
    if (all && !tp.more_to_come && (tp.no_delay || !small_under_way)) return plan;
    return std::nullopt;
}

/// New full segments that may go now in a row, of which none is the send buffer's last: that one
/// carries PSH, perhaps FIN.
std::uint32_t full_segments(const Tcpcb& tp) {
    if (!tp.sent.clean() || !tp.recovery.calm() || tp.recovery.credit != 0 || tp.cwr_due ||
        tp.snd_nxt != tp.snd_max) {
        return 0;
    }
    const std::uint32_t offset = tp.in_flight();
    const std::uint32_t window = std::min(tp.snd_wnd, tp.congestion.window());
    const std::uint32_t buffered = tp.socket->send.size();
    if (buffered <= offset + tp.mss || window < offset + 2 * tp.mss) return 0;
    return std::min(buffered - offset - 1, window - offset) / tp.mss;
}

/// Sends up to `count` of them, at a fraction of what each costs by itself. Returns how many went;
/// for those that did not, send_new() finds the reason.
std::uint32_t send_full(LockedNet& net, Tcpcb& tp, std::uint32_t count) {
    const SockBuf& send = tp.socket->send;
    std::uint32_t offset = tp.in_flight();
    const Outgoing out = segment_of(net, tp, {offset, tp.mss, false});
    SegmentRun run;
    if (!run.begin(net, out, tp.mss)) return 0;
    for (; count > 0; --count, offset += tp.mss) {
        if (!run.send(net, tp.snd_una + SeqLen{offset}, send.share(offset, tp.mss))) break;
    }
    if (run.sent() == 0) return 0;
    run.end(net);
    acknowledged_by_us(tp, std::uint32_t{out.window} << tp.agreed.rcv_scale);
    tp.last_sent = net.now();
    note_sent(net, tp, run.sent() * tp.mss);
    return run.sent();
}

/// SYN, or SYN and ACK after a simultaneous open.
bool send_syn(LockedNet& net, Tcpcb& tp) {
    const bool answer = tp.state == ConnectionState::syn_received;
    Outgoing out;
    out.tuple = tp.tuple;
    out.seq = tp.iss;
    out.flags = answer ? TcpFlags::kSyn | TcpFlags::kAck : TcpFlags::kSyn;
    if (tp.agreed.ecn) out.flags |= answer ? TcpFlags::kEce : kEcnSetup;
    if (answer) out.ack = tp.rcv_nxt;
    out.window = syn_window(tp.socket->receive.limit());
    out.offer(net, tp.agreed);
    const std::uint32_t window = out.window;
    if (!build_and_send(net, std::move(out))) return false;
    if (answer) acknowledged_by_us(tp, window);
    if (tp.snd_max == tp.iss) {
        tp.timing = true;
        tp.timed_again = false;
        tp.timed_seq = tp.iss;
        tp.timed_at = tp.last_progress = net.now();
    } else {
        tp.timed_again = true;
        net.tcp.stats.count(TcpCount::retransmits);
    }
    tp.snd_nxt = tp.iss + SeqLen{1};
    tp.snd_max = later(tp.snd_max, tp.snd_nxt);
    return true;
}

void send_ack(LockedNet& net, Tcpcb& tp) {
    Outgoing out = begin(net, tp, TcpFlags::kAck);
    // A window probe's byte may not have been taken: then snd_nxt is what the peer expects.
    out.seq = tp.armed(TcpTimer::persist) ? tp.snd_nxt : tp.snd_max;
    out.window = window_field(net, tp);
    const std::uint32_t window = std::uint32_t{out.window} << tp.agreed.rcv_scale;
    std::array<SackBlock, 4> blocks;
    if (tp.agreed.sack && tp.report.due(tp.reassembly)) {
        out.sack = std::span{blocks}.first(tp.report.take(tp.reassembly, blocks));
    }
    if (build_and_send(net, std::move(out))) {
        acknowledged_by_us(tp, window);
    } else {
        net.tcp.arm(tp, TcpTimer::resend, net.now() + kResendAfterNoMemory);
    }
}

/// Exactly one of retransmit and persist is armed while anything is unacknowledged or unsent.
void set_timers(LockedNet& net, Tcpcb& tp) {
    if (tp.in_flight() > 0) {
        tp.disarm(TcpTimer::persist);
        if (!tp.armed(TcpTimer::retransmit)) {
            net.tcp.arm(tp, TcpTimer::retransmit, net.now() + tp.rtt.rto());
        }
        return;
    }
    tp.disarm(TcpTimer::retransmit);
    const bool unsent =
        tp.socket->send.size() > 0 || tp.syn_unacked() || (tp.fin_wanted && !tp.fin_acked);
    if (!unsent) {
        tp.disarm(TcpTimer::persist);
        tp.persist_shift = 0;
    } else if (!tp.armed(TcpTimer::persist)) {
        const Duration wait = tp.rtt.rto() * (std::int64_t{1} << std::min(tp.persist_shift, 12U));
        net.tcp.arm(tp, TcpTimer::persist, net.now() + std::min(wait, kPersistMax));
    }
}

void between_plan_and_build(LockedNet& net) {
    port::marked_point();
    if constexpr (kMissionBugs) planted::may_be_interrupted(net);
}

/// Everything that may go now: what is lost first. False: IP refused something.
bool send_what_may_go(LockedNet& net, Tcpcb& tp, bool& sent) {
    while (!tp.sent.clean()) {
        const auto plan = lost_segment(tp);
        if (!plan) break;
        between_plan_and_build(net);
        if (!send_again(net, tp, *plan)) return false;
        tp.recovery.must_send = false;
        sent = true;
    }
    if (net.tcp.predicts && !kMissionBugs) {  // a planted bug strikes between two segments
        const std::uint32_t count = full_segments(tp);
        if (count > 1 && send_full(net, tp, count) > 0) sent = true;
    }
    while (const auto plan = next_segment(tp)) {
        between_plan_and_build(net);
        if (!send_new(net, tp, *plan)) return false;
        tp.force_output = false;
        sent = true;
    }
    return true;
}

/// The timers that move data; the others are for the end of a connection.
void note_in_ring(LockedNet& net, const Tcpcb& tp) {
    // never() by its upper half, which no other time has: one word is looked at, not two.
    constexpr auto upper = [](Instant t) { return static_cast<std::uint32_t>(t.us() >> 32U); };
    const auto bit = [&](TcpTimer which) {
        const bool armed = upper(tp.deadline(which)) != upper(Instant::never());
        return armed ? 1U << static_cast<unsigned>(which) : 0U;
    };
    net.frames.note(
        tp.tuple.local.port, tp.tuple.remote.port, static_cast<unsigned>(tp.state),
        bit(TcpTimer::retransmit) | bit(TcpTimer::persist) | bit(TcpTimer::delayed_ack));
}

}  // namespace

void tcp_output(LockedNet& net, Tcpcb& tp) {
    bool sent = false;
    bool refused = false;
    if (tp.syn_unacked()) {
        if (tp.snd_nxt == tp.iss) {
            sent = send_syn(net, tp);
            refused = !sent;
        }
    } else {
        if (tp.in_flight() == 0 && net.now() - tp.last_sent > tp.rtt.rto()) {
            tp.congestion.after_idle();
        }
        // Blocks of SACK go by themselves, so that segments with data keep their size.
        if (tp.ack_now && tp.agreed.sack && tp.report.due(tp.reassembly)) send_ack(net, tp);
        refused = !send_what_may_go(net, tp, sent);
    }
    tp.force_output = false;
    if (refused) net.tcp.arm(tp, TcpTimer::resend, net.now() + kResendAfterNoMemory);
    if (!sent && tp.synchronized() && (tp.ack_now || window_update_due(net, tp))) send_ack(net, tp);
    set_timers(net, tp);
    if (tp.agreed.sack && !tp.syn_unacked()) arm_tail_probe(net, tp);
    note_in_ring(net, tp);
}

void tcp_tail_probe(LockedNet& net, Tcpcb& tp) {
    // RFC 8985 §7.3: new data when there are some and the peer has room, or the last segment again.
    const std::uint32_t offset = tp.in_flight();
    const std::uint32_t buffered = tp.socket->send.size();
    const std::uint32_t length = std::min(buffered > offset ? buffered - offset : 0, tp.mss);
    if (length > 0 && offset + length <= tp.snd_wnd) {
        const bool all = offset + length == buffered;
        (void)send_new(net, tp, Plan{offset, length, all && tp.fin_wanted && !tp.fin_acked});
        return;
    }
    const std::uint32_t back = std::min(offset, tp.mss);
    (void)send_again(net, tp, sent_segment(tp, tp.snd_nxt - SeqLen{back}, tp.snd_nxt));
}

void tcp_window_probe(LockedNet& net, Tcpcb& tp) {
    net.tcp.stats.count(TcpCount::persist_probes);
    if (tp.socket->send.size() == 0) return;
    // The byte may be taken, so it counts as sent (snd_max); snd_nxt stays, it will be sent again.
    if (!emit(net, tp, Plan{0, 1, false})) return;
    if (tp.snd_una == tp.snd_max) {
        tp.snd_max = tp.snd_una + SeqLen{1};
        tp.last_progress = net.now();
    } else {
        net.tcp.stats.count(TcpCount::retransmits);
    }
    tp.timing = false;
}

void tcp_keepalive_probe(LockedNet& net, Tcpcb& tp) {
    Outgoing out = begin(net, tp, TcpFlags::kAck);
    out.seq = tp.snd_una - SeqLen{1};
    out.window = window_field(net, tp);
    (void)build_and_send(net, std::move(out));
}

void tcp_send_reset(LockedNet& net, const Tcpcb& tp) {
    Outgoing out = begin(net, tp, TcpFlags::kRst | TcpFlags::kAck);
    out.seq = tp.snd_nxt;
    (void)build_and_send(net, std::move(out));
}

void tcp_challenge_ack(LockedNet& net, Tcpcb& tp) {
    if (!net.tcp.challenge.allow(net.now(), net.random)) return;
    net.tcp.stats.count(TcpCount::challenge_acks);
    send_ack(net, tp);
}

}  // namespace kyu::net
