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
};

/// Sends bytes [offset, offset + length) of the send buffer and a FIN when the plan says so, and
/// keeps the books of what was ever sent. Does not move snd_nxt.
bool send_data(LockedNet& net, Tcpcb& tp, const Plan& plan) {
    const Socket& so = *tp.socket;
    Outgoing out = begin(net, tp, TcpFlags::kAck);
    out.seq = tp.snd_una + SeqLen{plan.offset};
    if (plan.fin) out.flags |= TcpFlags::kFin;
    if (plan.length > 0) {
        if (plan.offset + plan.length == so.send.size()) out.flags |= TcpFlags::kPsh;
        out.payload = so.send.share(plan.offset, plan.length);
        if (!out.payload) {
            net.tcp.stats.count(TcpCount::send_failures);
            return false;
        }
    }
    out.window = window_field(net, tp);
    const std::uint32_t window = std::uint32_t{out.window} << tp.agreed.rcv_scale;
    const SeqNum end = out.seq + SeqLen{plan.length + (plan.fin ? 1U : 0U)};
    if (!build_and_send(net, std::move(out))) return false;
    acknowledged_by_us(tp, window);
    tp.last_sent = net.now();
    if (!end.is_after(tp.snd_max)) {
        tp.timed_again = true;  // Karn: from here on an ACK could be for either copy
        net.tcp.stats.count(TcpCount::retransmits);
        return true;
    }
    if (tp.snd_una == tp.snd_max) tp.last_progress = net.now();  // the wait for an ACK begins
    if (!tp.timing) {
        tp.timing = true;
        tp.timed_again = false;
        tp.timed_seq = tp.snd_una + SeqLen{plan.offset};
        tp.timed_at = net.now();
    }
    tp.snd_max = end;
    if (plan.length > 0 && plan.length < tp.mss) tp.small_end = end;
    return true;
}

/// What may be sent next from snd_nxt on, if anything (RFC 9293 §3.8.6.2.1).
std::optional<Plan> next_segment(const Tcpcb& tp) {
    const std::uint32_t buffered = tp.socket->send.size();
    const std::uint32_t offset = tp.in_flight();
    if (offset > buffered) return std::nullopt;  // the FIN has been sent
    const std::uint32_t window = std::min(tp.snd_wnd, tp.congestion.window());
    const std::uint32_t allowed = window > offset ? window - offset : 0;
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

/// SYN, or SYN and ACK after a simultaneous open.
bool send_syn(LockedNet& net, Tcpcb& tp) {
    const bool answer = tp.state == ConnectionState::syn_received;
    Outgoing out;
    out.tuple = tp.tuple;
    out.seq = tp.iss;
    out.flags = answer ? TcpFlags::kSyn | TcpFlags::kAck : TcpFlags::kSyn;
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
    // After a timeout snd_nxt stands in the past, which a peer would not accept. A window probe's
    // byte, however, may not have been taken: then snd_nxt is what the peer expects.
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
        while (const auto plan = next_segment(tp)) {
            port::marked_point();  // planned, not built
            if constexpr (kMissionBugs) planted::may_be_interrupted(net);
            refused = !send_data(net, tp, *plan);
            if (refused) break;
            tp.snd_nxt = tp.snd_nxt + SeqLen{plan->length + (plan->fin ? 1U : 0U)};
            tp.force_output = false;
            sent = true;
        }
    }
    tp.force_output = false;
    if (refused) net.tcp.arm(tp, TcpTimer::resend, net.now() + kResendAfterNoMemory);
    if (!sent && tp.synchronized() && (tp.ack_now || window_update_due(net, tp))) send_ack(net, tp);
    set_timers(net, tp);
}

void tcp_retransmit_first(LockedNet& net, Tcpcb& tp) {
    const std::uint32_t sent = (tp.snd_max - tp.snd_una).value;
    const std::uint32_t buffered = tp.socket->send.size();
    const std::uint32_t length = std::min({tp.mss, buffered, sent});
    const Plan plan{0, length, length == buffered && sent > buffered};
    if (plan.length == 0 && !plan.fin) return;
    if (!send_data(net, tp, plan)) {
        net.tcp.arm(tp, TcpTimer::resend, net.now() + kResendAfterNoMemory);
    }
}

void tcp_window_probe(LockedNet& net, Tcpcb& tp) {
    net.tcp.stats.count(TcpCount::persist_probes);
    if (tp.socket->send.size() == 0) return;
    // The byte may be taken, so it counts as sent (snd_max); snd_nxt stays, it will be sent again.
    const SeqNum small_end = tp.small_end;
    (void)send_data(net, tp, Plan{0, 1, false});
    tp.small_end = small_end;  // Nagle does not wait for a probe
    tp.timing = false;
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
