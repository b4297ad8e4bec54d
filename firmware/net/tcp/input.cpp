// tcp_input: whose segment it is, and the states that have no control block.
//
// Lock      the network lock.
#include "net/net.hpp"
#include "net/tcp/arrival.hpp"
#include "net/tcp/connection.hpp"
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
    if (tp != nullptr && tcp.predicts && arrives_predicted(net, *tp, segment)) return;
    auto parsed = TcpSegment::parse(segment, tuple);
    if (!parsed) return tcp.stats.count(parsed.error());
    const TcpSegment& seg = *parsed;
    if (seg.tuple.local == seg.tuple.remote || seg.tuple.local.port == 0 ||
        seg.tuple.remote.port == 0) {
        return tcp.stats.count(TcpCount::drop_land);
    }
    if (tp != nullptr) {
        if (tp->state == ConnectionState::syn_sent) return arrives_in_syn_sent(net, *tp, seg);
        return arrives(net, *tp, seg, std::move(segment));
    }
    if (SynRecord* record = tcp.syn_cache.find(seg.tuple)) {
        return arrives_for_syn_record(net, *record, seg, std::move(segment));
    }
    if (TimeWaitRecord* record = tcp.time_wait.find(seg.tuple)) {
        return arrives_in_time_wait(net, *record, seg);
    }
    if (Socket* listener = tcp.sockets.find_listener(seg.tuple.local.port)) {
        return arrives_in_listen(net, *listener, seg);
    }
    arrives_nowhere(net, seg);
}

void arrives_nowhere(LockedNet& net, const TcpSegment& seg) {
    net.tcp.stats.count(TcpCount::drop_no_port);
    answer_with_reset(net, seg);
}

void arrives_in_listen(LockedNet& net, Socket& listener, const TcpSegment& seg,
                       const SeqNum* floor) {
    TcpState& tcp = net.tcp;
    if (seg.flags.rst()) return tcp.stats.count(TcpCount::drop_flags);
    if (seg.flags.ack()) {  // any ACK is bad: nothing was sent from here
        tcp.stats.count(TcpCount::drop_ack);
        return answer_with_reset(net, seg);
    }
    // SYN and FIN together is no open: nothing honest sends it.
    if (!seg.flags.syn() || seg.flags.fin()) return tcp.stats.count(TcpCount::drop_flags);
    if (listener.queued >= listener.backlog) return tcp.stats.count(TcpCount::drop_backlog);

    bool evicted = false;
    SynRecord& record = tcp.syn_cache.insert(seg.tuple, net.now(), evicted);
    if (evicted) tcp.stats.count(TcpCount::syn_evicted);
    tcp.stats.count(TcpCount::syn_records);
    record.listener = &listener;
    record.irs = seg.seq;
    record.iss = initial_sequence(net.random, seg.tuple, net.now());
    // RFC 6191 §3: the new incarnation's numbers begin above the old one's.
    if (floor != nullptr && !record.iss.is_after(*floor)) record.iss = *floor + SeqLen{64000};
    record.mss = send_mss(net, seg.tuple.remote.address, seg.options);
    record.window = seg.window;
    send_syn_ack(net, record);
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
    Tcpcb* tp = new_connection(net, *so, record.tuple);
    if (tp == nullptr) {
        tcp.sockets.release_if_unused(*so);
        tcp.stats.count(TcpCount::drop_no_memory);
        return nullptr;
    }
    tp->mss = record.mss;
    // The window of the SYN; a segment of the peer's brings the current one.
    tp->iss = record.iss;
    tp->snd_una = tp->snd_nxt = tp->snd_max = record.iss + SeqLen{1};
    tp->irs = record.irs;
    tp->rcv_nxt = record.irs + SeqLen{1};
    tp->rcv_adv = tp->rcv_nxt + SeqLen{kSockBufBytes};
    tp->snd_wnd = tp->snd_wnd_max = record.window;
    tp->snd_wl1 = record.irs;
    tp->snd_wl2 = tp->snd_una;
    if (record.retries == 0) {
        tp->rtt.on_sample(net.now() - record.sent_at);
    } else {
        tp->rtt.after_lost_syn();
    }
    become_established(net, *tp);
    so->options = listener.options;
    apply_options(net, *so);
    so->listener = &listener;
    listener.accept_queue.push_back(*so);
    ++listener.queued;
    net.wake(listener.readable);
    tcp.stats.count(TcpCount::accepted);
    return tp;
}

}  // namespace

void queue_has_room(LockedNet& net, Socket& listener) {
    SynRecord* record = net.tcp.syn_cache.first_in_line(listener);
    if (record == nullptr || promote(net, *record) == nullptr) return;
    net.tcp.syn_cache.remove(*record);
}

void arrives_for_syn_record(LockedNet& net, SynRecord& record, const TcpSegment& seg, Mbuf&& data) {
    TcpState& tcp = net.tcp;
    const SeqNum expected = record.irs + SeqLen{1};
    if (seg.flags.rst()) {
        if (seg.seq != expected) return tcp.stats.count(TcpCount::drop_window);  // RFC 5961 §3
        tcp.stats.count(TcpCount::resets_in);
        return tcp.syn_cache.remove(record);
    }
    if (seg.flags.syn()) {
        if (seg.flags.ack()) return tcp.stats.count(TcpCount::drop_flags);
        if (seg.seq == record.irs) return send_syn_ack(net, record);  // our answer was lost
        Socket& listener = *record.listener;                          // the peer has started anew
        tcp.syn_cache.remove(record);
        return arrives_in_listen(net, listener, seg);
    }
    if (!seg.flags.ack()) return tcp.stats.count(TcpCount::drop_flags);
    if (seg.ack != record.iss + SeqLen{1}) {
        tcp.stats.count(TcpCount::drop_ack);
        return answer_with_reset(net, seg);
    }
    if (!seg.seq.in_window(expected, SeqLen{kSockBufBytes})) {
        return tcp.stats.count(TcpCount::drop_window);
    }
    Tcpcb* tp = promote(net, record);
    if (tp == nullptr) return tcp.syn_cache.wait_in_line(record);
    tcp.syn_cache.remove(record);
    arrives(net, *tp, seg, std::move(data));
}

void arrives_in_time_wait(LockedNet& net, TimeWaitRecord& record, const TcpSegment& seg) {
    TcpState& tcp = net.tcp;
    if (seg.flags.rst()) return tcp.stats.count(TcpCount::drop_flags);  // RFC 1337
    if (seg.flags.syn() && !seg.flags.ack()) {
        Socket* listener = tcp.sockets.find_listener(seg.tuple.local.port);
        if (listener != nullptr && seg.seq.is_after(record.rcv_nxt)) {  // RFC 9293 §3.10.7.4, SYN
            const SeqNum floor = record.snd_nxt;
            tcp.time_wait.remove(record);
            tcp.stats.count(TcpCount::time_wait_reused);
            return arrives_in_listen(net, *listener, seg, &floor);
        }
    }
    if (seg.length().value == 0 && seg.seq == record.rcv_nxt) return;  // the expected last ACK
    if (seg.flags.fin()) tcp.time_wait.restart(record, net.now());
    if (seg.length().value > 0 || tcp.challenge.allow(net.now(), net.random)) {
        send_time_wait_ack(net, record);
    }
}

void arrives_in_syn_sent(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
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
    tp.rcv_adv = tp.rcv_nxt + SeqLen{kSockBufBytes};  // what our SYN promised
    tp.mss = send_mss(net, tp.tuple.remote.address, seg.options);
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
    if (tp.timing) tp.rtt.on_sample(net.now() - tp.timed_at);
    tp.timing = false;
    tp.snd_una = tp.snd_nxt = tp.snd_max = seg.ack;
    tp.disarm(TcpTimer::retransmit);
    become_established(net, tp);
    tcp.stats.count(TcpCount::connected);
    // Text or FIN on a SYN is not taken: it is not acknowledged, so it comes again.
    tp.ack_now = true;
    tcp_output(net, tp);
    check_invariants(tp);
}

void arrives(LockedNet& net, Tcpcb& tp, TcpSegment seg, Mbuf&& data) {
    tp.last_heard = net.now();
    if (check_sequence(net, tp, seg, data) == Next::done) return;
    if (check_reset(net, tp, seg) == Next::done) return;
    if (check_syn(net, tp, seg) == Next::done) return;
    if (check_ack(net, tp, seg) == Next::done) return;
    // The SYN of a simultaneous open, come again: nothing else on it is taken.
    if (seg.flags.syn()) {
        tcp_output(net, tp);
        return check_invariants(tp);
    }
    const bool fin = seg.flags.fin();
    const SeqNum end = seg.seq + SeqLen{seg.data_bytes};
    if (take_text(net, tp, seg, std::move(data)) == Next::done) return;
    if (fin) tp.reassembly.note_fin(end);
    if (check_fin(net, tp) == Next::done) return;
    tcp_output(net, tp);
    check_invariants(tp);
}

}  // namespace kyu::net
