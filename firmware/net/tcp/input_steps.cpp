// Segment arrives, §3.10.7.4, steps one to five: may it come in, and what does it acknowledge.
//
// Lock      the network lock.
#include <algorithm>

#include "net/net.hpp"
#include "net/tcp/arrival.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/output.hpp"
#include "net/tcp/timestamps.hpp"

namespace kyu::net {

namespace {

/// RCV.WND: what was promised, and a segment more if there is room. A peer's last segment lies
/// across the edge unless the window is a multiple of its size, and the field cannot tell every
/// window. One that was closed is closed.
SeqLen receive_window(const Tcpcb& tp) {
    const std::uint32_t promised = tp.advertised();
    if (promised == 0) return SeqLen{0};
    return SeqLen{std::max(promised, std::min(tp.socket->receive.space(), promised + tp.mss - 1))};
}

/// The table of §3.4. A bare ACK may also stand on the right edge: a peer whose data filled our
/// window and got lost has no other number to send one with.
bool acceptable(const Tcpcb& tp, const TcpSegment& seg) {
    const SeqLen window = receive_window(tp);
    // Of a reset the number alone counts, whatever text comes with it (RFC 5961 §3.2), behind a
    // closed window too (RFC 9293 MUST-66).
    const std::uint32_t length = seg.flags.rst() ? 0 : seg.length().value;
    if (length == 0) {
        const SeqLen edge{seg.flags.rst() ? 0U : 1U};
        return seg.seq == tp.rcv_nxt || seg.seq.in_window(tp.rcv_nxt, window + edge);
    }
    // Of two FINs that crossed each may come again with the ACK of the other one.
    if (tp.state == ConnectionState::closing && seg.flags.fin() &&
        seg.seq + SeqLen{length} == tp.rcv_nxt) {
        return true;
    }
    return seg.seq.in_window(tp.rcv_nxt, window) ||
           (seg.seq + SeqLen{length - 1}).in_window(tp.rcv_nxt, window);
}

/// Cuts off what lies outside the window, at either end.
void trim_to_window(Tcpcb& tp, TcpSegment& seg, Mbuf& data) {
    if (seg.seq.is_before(tp.rcv_nxt)) {
        const std::uint32_t known = (tp.rcv_nxt - seg.seq).value;
        // A FIN that lies before rcv_nxt was taken long ago.
        if (known > seg.data_bytes) seg.flags.clear(TcpFlags::kFin);
        const std::uint32_t cut = std::min<std::uint32_t>(known, seg.data_bytes);
        tp.report.duplicate(seg.seq, seg.seq + SeqLen{cut});
        data.trim_front(cut);
        seg.data_bytes = static_cast<std::uint16_t>(seg.data_bytes - cut);
        seg.seq = tp.rcv_nxt;
        tp.ack_now = true;
    }
    const SeqNum end = seg.seq + SeqLen{seg.data_bytes};
    const SeqNum edge = tp.rcv_nxt + receive_window(tp);
    if (end.is_after(edge)) {
        const std::uint32_t beyond = (end - edge).value;
        data.trim_back(beyond);
        seg.data_bytes = static_cast<std::uint16_t>(seg.data_bytes - beyond);
        seg.flags.clear(TcpFlags::kFin);
        tp.ack_now = true;
    } else if (seg.flags.fin() && end == edge) {
        seg.flags.clear(TcpFlags::kFin);  // no room for its number: it will come again
        tp.ack_now = true;
    }
}

/// An ACK for a segment that was not taken. Two confused ends must not answer each other for ever,
/// so an answer to what holds nothing is limited.
void answer_unacceptable(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
    if (seg.length().value > 0) {
        tp.ack_now = true;
        tcp_output(net, tp);
    } else {
        tcp_challenge_ack(net, tp);
    }
    check_invariants(tp);
}

/// RFC 7323 §3.2, §5.3: who agreed to timestamps sends them, and never an older one.
Next check_timestamp(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
    if (!seg.options.has_timestamps) {
        net.tcp.stats.count(TcpCount::drop_no_timestamp);
        return Next::done;
    }
    if (!paws_rejects(tp, seg.options, net.now())) return Next::step;
    net.tcp.stats.count(TcpCount::drop_paws);
    answer_unacceptable(net, tp, seg);
    return Next::done;
}

}  // namespace

Next check_sequence(LockedNet& net, Tcpcb& tp, TcpSegment& seg, Mbuf& data) {
    if (seg.flags.syn() && tp.synchronized() && !seg.flags.rst()) return Next::step;  // §4 RFC 5961
    if (tp.agreed.timestamps && !seg.flags.rst() && check_timestamp(net, tp, seg) == Next::done) {
        return Next::done;
    }
    if (acceptable(tp, seg)) {
        note_timestamp(tp, seg, net.now());
        if (!seg.flags.rst()) trim_to_window(tp, seg, data);
        return Next::step;
    }
    if (tp.advertised() == 0 && seg.seq == tp.rcv_nxt && !seg.flags.rst()) {
        // §3.10.7.4: with a closed window ACKs are still valid. This is how a window probe looks.
        data.trim_front(seg.data_bytes);
        seg.data_bytes = 0;
        seg.flags.clear(TcpFlags::kFin);
        tp.ack_now = true;
        return Next::step;
    }
    net.tcp.stats.count(TcpCount::drop_window);
    if (seg.flags.rst()) return Next::done;
    if (seg.seq.is_before(tp.rcv_nxt)) {
        tp.report.duplicate(seg.seq, seg.seq + SeqLen{seg.data_bytes});
    }
    answer_unacceptable(net, tp, seg);
    return Next::done;
}

Next check_reset(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
    if (!seg.flags.rst()) return Next::step;
    if (seg.seq != tp.rcv_nxt) {  // RFC 5961 §3.2: a blind guess would look like this
        tcp_challenge_ack(net, tp);
        check_invariants(tp);
        return Next::done;
    }
    net.tcp.stats.count(TcpCount::resets_in);
    const bool opening = tp.state == ConnectionState::syn_received;
    connection_failed(net, tp, opening ? SocketError::refused : SocketError::reset);
    return Next::done;
}

Next check_syn(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
    if (!seg.flags.syn()) return Next::step;
    if (tp.state == ConnectionState::syn_received && seg.flags.ack() && seg.seq == tp.irs) {
        return Next::step;  // simultaneous open: the peer's SYN again, now with the ACK we wait for
    }
    tcp_challenge_ack(net, tp);  // RFC 5961 §4.2, whatever its sequence number
    check_invariants(tp);
    return Next::done;
}

namespace {

/// RFC 7323 §4.1: the age of what is echoed, if it can be that old at most.
void measure_echo(LockedNet& net, Tcpcb& tp, std::uint32_t echo, Duration oldest) {
    if (echo == 0) return;
    const std::uint32_t clock = net.tcp.clock.at(net.now()) + tp.agreed.ts_offset;
    const Duration age = Duration::from_ms(clock - echo);
    if (age <= oldest + Duration::from_ms(1)) tp.rtt.on_sample(age);
}

/// RFC 6298 §4, RFC 7323 §4.1. The connection's own clock is finer than timestamps: they serve if
/// it cannot tell which copy was acknowledged. An echo from before the segment was first sent, or
/// of what we never said, measures nothing.
void measure(LockedNet& net, Tcpcb& tp, std::uint32_t echo) {
    tp.timing = false;
    const Duration since_first = net.now() - tp.timed_at;
    if (!tp.timed_again) return tp.rtt.on_sample(since_first);
    if (tp.agreed.timestamps) measure_echo(net, tp, echo, since_first);
}

/// What has been passed stays comparable with snd_una however much is sent after it.
void keep_marks_near(Tcpcb& tp) {
    tp.small_end = tp.small_end.kept_near(tp.snd_una);
    tp.ecn_until = tp.ecn_until.kept_near(tp.snd_una);
    tp.recovery.until = tp.recovery.until.kept_near(tp.snd_una);
    tp.recovery.rack.keep_marks_near(tp.snd_una);
}

}  // namespace

std::uint32_t take_new_ack(LockedNet& net, Tcpcb& tp, SeqNum ack, std::uint32_t echo) {
    Socket& so = *tp.socket;
    const std::uint32_t acked = (ack - tp.snd_una).value;
    if (tp.timing && ack.is_after(tp.timed_seq)) {
        measure(net, tp, echo);
    } else if (tp.rtt.backed_off() && tp.agreed.timestamps) {
        measure_echo(net, tp, echo, net.now() - tp.last_progress);
    }
    const std::uint32_t bytes = std::min(acked, so.send.size());
    if (acked > bytes) tp.fin_acked = true;
    so.send.drop(bytes);
    tp.snd_una = ack;
    tp.snd_nxt = later(tp.snd_nxt, ack);
    keep_marks_near(tp);
    tp.retries = 0;
    tp.persist_shift = 0;
    tp.last_progress = net.now();
    if (so.orphan() && tp.armed(TcpTimer::linger)) start_linger(net, tp);
    // RFC 6298 §5.2 and §5.3; output arms it again when something is still in flight.
    tp.disarm(TcpTimer::retransmit);
    if (so.send.space() >= so.send.low_water() || so.send.size() == 0) net.wake(so.writable);
    return recovery_acknowledge(net, tp, echo);
}

namespace {

/// RFC 7323 §2.3; a SYN's is not scaled, and this is never one's.
std::uint32_t seg_window(const Tcpcb& tp, const TcpSegment& seg) {
    return std::uint32_t{seg.window} << tp.agreed.snd_scale;
}

/// RFC 5681 §2: what counts as a duplicate ACK.
bool is_duplicate_ack(const Tcpcb& tp, const TcpSegment& seg) {
    return seg.ack == tp.snd_una && tp.in_flight() > 0 && seg.data_bytes == 0 && !seg.flags.fin() &&
           !seg.flags.syn() && seg_window(tp, seg) == tp.snd_wnd;
}

/// §3.10.7.4: the window is taken only from a segment that is not older than the last such.
void update_send_window(Tcpcb& tp, const TcpSegment& seg) {
    const bool newer =
        tp.snd_wl1.is_before(seg.seq) || (tp.snd_wl1 == seg.seq && !seg.ack.is_before(tp.snd_wl2));
    if (!newer) return;
    const std::uint32_t window = seg_window(tp, seg);
    if (window > tp.snd_wnd && tp.armed(TcpTimer::persist)) {
        tp.disarm(TcpTimer::persist);
        tp.persist_shift = 0;
    }
    tp.snd_wnd = window;
    tp.snd_wnd_max = std::max(tp.snd_wnd_max, tp.snd_wnd);
    tp.snd_wl1 = seg.seq;
    tp.snd_wl2 = seg.ack;
}

/// Our FIN has been acknowledged: where to from here.
Next after_fin_acked(LockedNet& net, Tcpcb& tp, bool fin) {
    switch (tp.state) {
        case ConnectionState::fin_wait_1:
            if (tp.data_lost) {  // RFC 1122 §4.2.2.13: now the peer has all of ours, tell it
                tcp_drop(net, tp, SocketError::reset);
                return Next::done;
            }
            tp.state = ConnectionState::fin_wait_2;
            if (tp.socket->orphan()) start_linger(net, tp);
            return Next::step;
        case ConnectionState::closing:
            if (fin) {  // eighth: a FIN is acknowledged, also again
                tp.ack_now = true;
                tcp_output(net, tp);
            }
            enter_time_wait(net, tp);
            return Next::done;
        case ConnectionState::last_ack: connection_ended(net, tp); return Next::done;
        default: return Next::step;
    }
}

}  // namespace

Next check_ack(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
    if (!seg.flags.ack()) {
        net.tcp.stats.count(TcpCount::drop_flags);
        return Next::done;
    }
    if (tp.state == ConnectionState::syn_received) {
        if (!seg.ack.is_after(tp.snd_una) || seg.ack.is_after(tp.snd_max)) {
            net.tcp.stats.count(TcpCount::drop_ack);
            answer_with_reset(net, seg);
            return Next::done;
        }
        tp.snd_una = tp.snd_una + SeqLen{1};  // the SYN; what follows it is in the send buffer
        tp.snd_nxt = later(tp.snd_nxt, tp.snd_una);
        tp.timing = false;
        tp.disarm(TcpTimer::retransmit);
        become_established(net, tp);
        net.tcp.stats.count(TcpCount::connected);
        if (tp.fin_wanted) tp.state = ConnectionState::fin_wait_1;
    }
    if (!acknowledges_sensibly(tp, seg)) {
        net.tcp.stats.count(TcpCount::drop_ack);
        tcp_challenge_ack(net, tp);
        check_invariants(tp);
        return Next::done;
    }
    AckNews news{.in_flight = tp.in_flight()};
    std::uint32_t delivered = 0;
    if (seg.ack.is_after(tp.snd_una)) {
        news.acked = (seg.ack - tp.snd_una).value;
        // Of what came twice, an earlier ACK was lost: its age is no round trip.
        const bool twice = seg.tells_duplicate();
        delivered = take_new_ack(net, tp, seg.ack, twice ? 0 : seg.options.timestamp_echo);
    } else {
        news.duplicate = is_duplicate_ack(tp, seg);
    }
    if (news.acked > 0 || news.in_flight > 0 || tp.recovery.probing)
        recovery_on_ack(net, tp, seg, news, delivered);
    update_send_window(tp, seg);
    return tp.fin_acked ? after_fin_acked(net, tp, seg.flags.fin()) : Next::step;
}

}  // namespace kyu::net
