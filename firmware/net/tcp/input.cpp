// tcp_input: whose segment it is, and the states that have no control block.
//
// Lock      the network lock.
#include "net/net.hpp"
#include "net/tcp/arrival.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/ecn.hpp"
#include "net/tcp/isn.hpp"
#include "net/tcp/output.hpp"
#include "net/tcp/tcp.hpp"

#include <algorithm>
#include <utility>

namespace kyu::net {

void tcp_input(LockedNet& net, Mbuf&& segment, const IpInfo& ip) {
    TcpState& tcp = net.tcp;
    tcp.stats.count(TcpCount::segments_in);
    // RFC 9293 §3.9.2: nothing that was sent to a group is TCP's.
    if (ip.link_broadcast || ip.ip_broadcast) return tcp.stats.count(TcpCount::drop_broadcast);
    if (const auto checked = check_tcp_segment(segment, ip); !checked) {
        return tcp.stats.count(checked.error());
    }
    const FourTuple tuple = tuple_of(segment, ip);
    Tcpcb* tp = tcp.find(tuple);
    const bool congested = (ip.tos & kEcnMask) == kCongestionExperienced;
    if (tp != nullptr && !congested && tcp.predicts && arrives_predicted(net, *tp, segment)) return;
    auto parsed = TcpSegment::parse(segment, tuple);
    if (!parsed) return tcp.stats.count(parsed.error());
    parsed->congested = congested;
    const TcpSegment& seg = *parsed;
    if (seg.tuple.local == seg.tuple.remote || seg.tuple.local.port == 0 ||
        seg.tuple.remote.port == 0) {
        return tcp.stats.count(TcpCount::drop_land);
    }
    if (tp != nullptr) {
        if (tp->state == ConnectionState::syn_sent) {
            return arrives_in_syn_sent(net, *tp, seg, std::move(segment));
        }
        return arrives(net, *tp, seg, std::move(segment));
    }
    if (SynRecord* record = tcp.syn_cache.find(seg.tuple)) {
        return arrives_for_syn_record(net, *record, seg, std::move(segment));
    }
    if (TimeWaitRecord* record = tcp.time_wait.find(seg.tuple)) {
        return arrives_in_time_wait(net, *record, seg);
    }
    if (Socket* listener = tcp.sockets.find_listener(seg.tuple.local.port)) {
        if (!seg.flags.syn() && seg.flags.ack() && !seg.flags.rst() &&
            arrives_with_cookie(net, *listener, seg, segment)) {
            return;
        }
        return arrives_in_listen(net, *listener, seg);
    }
    arrives_nowhere(net, seg);
}

void arrives_nowhere(LockedNet& net, const TcpSegment& seg) {
    net.tcp.stats.count(TcpCount::drop_no_port);
    answer_with_reset(net, seg);
}

namespace {

/// What a SYN says, and what we make of it.
void fill_record(LockedNet& net, SynRecord& record, Socket& listener, const TcpSegment& seg) {
    record.tuple = seg.tuple;
    record.listener = &listener;
    record.irs = seg.seq;
    record.agreed = negotiate(seg.options, listener.options);
    record.agreed.ts_offset = timestamp_offset(net.random, seg.tuple);
    record.agreed.ecn = listener.options.ecn && ecn_asks(seg.flags);
    record.mss = send_mss(net, seg.tuple.remote.address, seg.options);
    record.window = seg.window;
}

/// No record is free: the peer keeps for us what we would have kept.
void answer_with_cookie(LockedNet& net, Socket& listener, const TcpSegment& seg) {
    SynRecord record;
    fill_record(net, record, listener, seg);
    record.agreed.ecn = false;  // there is no room to remember it
    const auto offer = net.tcp.cookies.make(net.random, seg.tuple, seg.seq, record.mss, net.now());
    record.iss = offer.iss;
    if (record.agreed.timestamps) {
        const std::uint32_t clock = net.tcp.clock.at(net.now());
        // send_syn_ack() adds the clock.
        record.agreed.ts_offset =
            SynCookies::stamp(clock + record.agreed.ts_offset, record.agreed) - clock;
    } else {
        record.agreed = {};  // nothing else can carry them
    }
    net.tcp.stats.count(TcpCount::cookies_sent);
    send_syn_ack(net, record);
}

}  // namespace

void arrives_in_listen(LockedNet& net, Socket& listener, const TcpSegment& seg,
                       const SeqNum* floor) {
    TcpState& tcp = net.tcp;
    if (seg.flags.rst()) return tcp.stats.count(TcpCount::drop_flags);
    if (seg.flags.ack()) {  // any ACK is bad: nothing was sent from here
        tcp.stats.count(TcpCount::drop_ack);
        return answer_with_reset(net, seg);
    }
    // A FIN on the SYN is not taken, nor is text: not acknowledged, they come again.
    if (!seg.flags.syn()) return tcp.stats.count(TcpCount::drop_flags);
    if (listener.queued >= listener.backlog) return tcp.stats.count(TcpCount::drop_backlog);

    bool displaced = false;
    SynRecord* record = tcp.syn_cache.insert(seg.tuple, net.now(), displaced);
    if (displaced) tcp.stats.count(TcpCount::syn_displaced);
    if (record == nullptr) return answer_with_cookie(net, listener, seg);
    tcp.stats.count(TcpCount::syn_records);
    fill_record(net, *record, listener, seg);
    record->iss = initial_sequence(net.random, seg.tuple, net.now());
    // RFC 6191 §3: the new incarnation's numbers begin above the old one's.
    if (floor != nullptr && !record->iss.is_after(*floor)) record->iss = *floor + SeqLen{64000};
    send_syn_ack(net, *record);
}

namespace {

/// The handshake's last ACK is here: a socket and a connection in place of the record. nullptr
/// when there is no room; the record then stays and the peer tries again.
Tcpcb* promote(LockedNet& net, const SynRecord& record) {
    TcpState& tcp = net.tcp;
    Socket& listener = *record.listener;
    if (listener.queued >= listener.backlog) {
        tcp.stats.count(TcpCount::drop_backlog);
        return nullptr;
    }
    Socket* so = tcp.sockets.allocate();
    if (so == nullptr) {
        tcp.stats.count(TcpCount::drop_no_memory);
        return nullptr;
    }
    so->options = listener.options;
    Tcpcb* tp = new_connection(net, *so, record.tuple);
    if (tp == nullptr) {
        tcp.sockets.release_if_unused(*so);
        tcp.stats.count(TcpCount::drop_no_memory);
        return nullptr;
    }
    agree(net, *tp, record.agreed);
    tp->mss = record.mss - record.agreed.option_bytes();
    tp->iss = record.iss;
    tp->snd_una = tp->snd_nxt = tp->snd_max = record.iss + SeqLen{1};
    tp->irs = record.irs;
    tp->rcv_nxt = record.irs + SeqLen{1};
    tp->last_ack_sent = tp->rcv_nxt;
    tp->rcv_adv = tp->rcv_nxt + SeqLen{syn_window(so->receive.limit())};
    tp->snd_wnd = tp->snd_wnd_max = record.window;
    tp->snd_wl1 = record.irs;  // the SYN's window; a segment of the peer's brings the current one
    tp->snd_wl2 = tp->snd_una;
    // Who has waited in line did so for our sake: that tells nothing of the path.
    if (!SynCache::waits_in_line(record)) {
        tp->retries = record.retries;
        if (record.retries == 0) {
            tp->rtt.on_sample(net.now() - record.sent_at);
        } else {
            tp->rtt.after_lost_syn();
        }
    }
    become_established(net, *tp);
    so->listener = &listener;
    listener.accept_queue.push_back(*so);
    ++listener.queued;
    net.wake(listener.readable);
    tcp.stats.count(TcpCount::accepted);
    return tp;
}

}  // namespace

bool arrives_with_cookie(LockedNet& net, Socket& listener, const TcpSegment& seg, Mbuf& data) {
    TcpState& tcp = net.tcp;
    SynRecord record;
    record.irs = seg.seq - SeqLen{1};
    const auto mss = tcp.cookies.check(net.random, seg.tuple, record.irs, seg.ack, net.now());
    if (!mss) return false;
    tcp.stats.count(TcpCount::cookies_taken);
    record.tuple = seg.tuple;
    record.listener = &listener;
    record.iss = seg.ack - SeqLen{1};
    record.mss = *mss;
    record.window = seg.window;
    record.retries = 1;  // when the SYN-ACK was sent is not known
    if (seg.options.has_timestamps) {
        record.agreed =
            SynCookies::read_stamp(seg.options.timestamp_echo, our_scale(listener.options));
        record.agreed.ts_recent = seg.options.timestamp_value;
        record.agreed.ts_offset = timestamp_offset(net.random, seg.tuple);
    }
    if (Tcpcb* tp = promote(net, record)) arrives(net, *tp, seg, std::move(data));
    return true;  // without room the peer sends again
}

void queue_has_room(LockedNet& net, Socket& listener) {
    SynRecord* record = net.tcp.syn_cache.first_in_line(listener);
    if (record == nullptr || promote(net, *record) == nullptr) return;
    net.tcp.syn_cache.remove(*record);
}

void arrives_for_syn_record(LockedNet& net, SynRecord& record, const TcpSegment& seg, Mbuf&& data) {
    TcpState& tcp = net.tcp;
    const SeqNum expected = record.irs + SeqLen{1};
    const SeqLen window{syn_window(record.listener->options.receive_bytes)};
    if (seg.flags.rst()) {
        if (seg.seq == expected) {
            tcp.stats.count(TcpCount::resets_in);
            return tcp.syn_cache.remove(record);
        }
        // RFC 5961 §3.2: who guesses is challenged, whoever is far off is not even that.
        tcp.stats.count(TcpCount::drop_window);
        if (seg.seq.in_window(expected, window) && tcp.challenge.allow(net.now(), net.random)) {
            send_for_record(net, record, TcpFlags::kAck);
        }
        return;
    }
    if (seg.flags.syn()) {
        if (seg.seq.in_window(expected, window)) {  // fourth, passive: back to LISTEN
            tcp.stats.count(TcpCount::drop_flags);
            return tcp.syn_cache.remove(record);
        }
        if (seg.flags.ack()) return tcp.stats.count(TcpCount::drop_flags);
        if (seg.seq == record.irs) {  // our answer was lost
            if (seg.options.has_timestamps) record.agreed.ts_recent = seg.options.timestamp_value;
            return send_syn_ack(net, record);
        }
        Socket& listener = *record.listener;  // the peer has started anew
        tcp.syn_cache.remove(record);
        return arrives_in_listen(net, listener, seg);
    }
    if (!seg.flags.ack()) return tcp.stats.count(TcpCount::drop_flags);
    if (seg.ack != record.iss + SeqLen{1}) {
        tcp.stats.count(TcpCount::drop_ack);
        return answer_with_reset(net, seg);
    }
    if (!seg.seq.in_window(expected, window)) return tcp.stats.count(TcpCount::drop_window);
    Tcpcb* tp = promote(net, record);
    if (tp == nullptr) return tcp.syn_cache.wait_in_line(record);
    tcp.syn_cache.remove(record);
    arrives(net, *tp, seg, std::move(data));
}

namespace {

/// RFC 9293 §3.10.7.4, SYN; RFC 6191 §3: a later timestamp tells a new connection too.
bool begins_anew(const TimeWaitRecord& record, const TcpSegment& seg) {
    const bool higher = seg.seq.is_after(record.rcv_nxt);
    if (!record.agreed.timestamps || !seg.options.has_timestamps) return higher;
    const std::uint32_t value = seg.options.timestamp_value;
    if (value == record.agreed.ts_recent) return higher;
    return ts_before(record.agreed.ts_recent, value);
}

}  // namespace

void arrives_in_time_wait(LockedNet& net, TimeWaitRecord& record, const TcpSegment& seg) {
    TcpState& tcp = net.tcp;
    if (seg.flags.rst()) return tcp.stats.count(TcpCount::drop_flags);  // RFC 1337
    if (seg.flags.syn() && !seg.flags.ack()) {
        Socket* listener = tcp.sockets.find_listener(seg.tuple.local.port);
        if (listener != nullptr && begins_anew(record, seg)) {
            const SeqNum floor = record.snd_nxt;
            tcp.time_wait.remove(record);
            tcp.stats.count(TcpCount::time_wait_reused);
            return arrives_in_listen(net, *listener, seg, &floor);
        }
    }
    if (seg.length().value == 0 && seg.seq == record.rcv_nxt) return;  // the expected last ACK
    // Fifth: without ACK it is dropped. What lies before the window is answered all the same.
    if (!seg.flags.ack() && !seg.flags.syn() && !seg.seq.is_before(record.rcv_nxt)) {
        return tcp.stats.count(TcpCount::drop_flags);
    }
    if (seg.flags.fin()) tcp.time_wait.restart(record, net.now());
    if (seg.length().value > 0 || tcp.challenge.allow(net.now(), net.random)) {
        send_time_wait_ack(net, record);
    }
}

namespace {

/// Steps seven and eight, and what they made due. `seg` begins at or behind rcv_nxt.
void take_text_and_fin(LockedNet& net, Tcpcb& tp, const TcpSegment& seg, Mbuf&& data) {
    const SeqNum end = seg.seq + SeqLen{seg.data_bytes};
    if (take_text(net, tp, seg, std::move(data)) == Next::done) return;
    tp.rcv_adv = later(tp.rcv_adv, tp.rcv_nxt);  // more was taken than was promised
    if (seg.flags.fin()) {
        const bool first = receives(tp.state);
        if (first) tp.reassembly.note_fin(end);
        // Eighth: a FIN is acknowledged, always; at once if there is a gap (RFC 5681 §4.2).
        if (!first || end != tp.rcv_nxt) tp.ack_now = true;
    }
    if (check_fin(net, tp) == Next::done) return;
    tcp_output(net, tp);
    check_invariants(tp);
}

}  // namespace

void arrives_in_syn_sent(LockedNet& net, Tcpcb& tp, TcpSegment seg, Mbuf&& data) {
    TcpState& tcp = net.tcp;
    if (seg.flags.ack() && (!seg.ack.is_after(tp.iss) || seg.ack.is_after(tp.snd_max))) {
        tcp.stats.count(TcpCount::drop_ack);
        return answer_with_reset(net, seg);  // never answers a reset
    }
    if (seg.flags.rst()) {
        if (!seg.flags.ack()) return tcp.stats.count(TcpCount::drop_flags);
        tcp.stats.count(TcpCount::resets_in);
        return connection_failed(net, tp, SocketError::refused);
    }
    if (!seg.flags.syn()) return tcp.stats.count(TcpCount::drop_flags);

    tp.last_heard = net.now();
    tp.irs = seg.seq;
    tp.rcv_nxt = tp.rcv_adv = seg.seq + SeqLen{1};
    tp.rcv_adv = tp.rcv_nxt + SeqLen{syn_window(tp.socket->receive.limit())};  // as our SYN said
    Negotiated agreed = negotiate(seg.options, tp.socket->options);
    if (agreed.scaling) agreed.rcv_scale = tp.agreed.rcv_scale;  // as our SYN said
    agreed.ts_offset = tp.agreed.ts_offset;
    agreed.ecn = tp.agreed.ecn && (seg.flags.ack() ? ecn_grants(seg.flags) : ecn_asks(seg.flags));
    agree(net, tp, agreed);
    tp.mss = send_mss(net, tp.tuple.remote.address, seg.options) - agreed.option_bytes();
    tp.snd_wnd = tp.snd_wnd_max = seg.window;
    tp.snd_wl1 = seg.seq;
    tp.snd_wl2 = seg.ack;
    if (tp.retries > 0) tp.rtt.after_lost_syn();
    if (!seg.flags.ack()) {  // simultaneous open (RFC 9293 figure 7): our SYN again, with an ACK
        tp.state = ConnectionState::syn_received;
        tp.snd_wl2 = tp.iss;
        tp.snd_nxt = tp.iss;
        tp.disarm(TcpTimer::retransmit);
        tcp_output(net, tp);
        return check_invariants(tp);
    }
    if (tp.timing && !tp.timed_again) tp.rtt.on_sample(net.now() - tp.timed_at);
    tp.timing = false;
    tp.snd_una = tp.snd_nxt = tp.snd_max = seg.ack;
    tp.disarm(TcpTimer::retransmit);
    become_established(net, tp);
    tcp.stats.count(TcpCount::connected);
    tp.ack_now = true;
    // The smallest window takes what one segment holds. With a bare SYN nothing of it is taken: it
    // is not acknowledged, so it comes again.
    seg.seq = tp.rcv_nxt;
    take_text_and_fin(net, tp, seg, std::move(data));
}

namespace {

/// RFC 5482 §3.1: what the peer asks for counts within our limits, unless our user has chosen.
void take_user_timeout(Tcpcb& tp, std::uint16_t wire) {
    if (tp.socket->options.user_timeout != Duration{}) return;
    const std::int64_t count = wire & 0x7FFFU;
    const Duration asked = Duration::from_s((wire & 0x8000U) != 0 ? count * 60 : count);
    tp.give_up_after = std::clamp(asked, kGiveUpAfter, kUserTimeoutMax);
}

}  // namespace

void arrives(LockedNet& net, Tcpcb& tp, TcpSegment seg, Mbuf&& data) {
    tp.last_heard = net.now();
    if (check_sequence(net, tp, seg, data) == Next::done) return;
    if (check_reset(net, tp, seg) == Next::done) return;
    if (check_syn(net, tp, seg) == Next::done) return;
    if (check_ack(net, tp, seg) == Next::done) return;
    if (tp.agreed.ecn) ecn_take(net, tp, seg);
    if (seg.options.user_timeout != 0) take_user_timeout(tp, seg.options.user_timeout);
    // The SYN of a simultaneous open, come again: nothing else on it is taken.
    if (seg.flags.syn()) {
        tcp_output(net, tp);
        return check_invariants(tp);
    }
    take_text_and_fin(net, tp, seg, std::move(data));
}

}  // namespace kyu::net
