// TCP's timers, ICMP errors and a lost address: what moves connections besides segments and users.
//
// Context   the net thread calls tcp_timers() when tcp_next_deadline() has come.
// Lock      the network lock.
#include <algorithm>

#include "kernel/port.hpp"
#include "net/net.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/keepalive.hpp"
#include "net/tcp/output.hpp"
#include "net/tcp/tcp.hpp"

namespace kyu::net {

namespace {

/// R2 of RFC 9293 §3.8.3. A peer with a closed window that still answers is slow, not silent.
bool peer_is_gone(const Tcpcb& tp, Instant now) {
    if (tp.syn_unacked()) return tp.retries >= kSynRetriesMax;
    if (tp.retries < 3 || now - tp.last_progress < tp.give_up_after) return false;
    return tp.snd_wnd > 0 || now - tp.last_heard >= tp.give_up_after;
}

/// Segments of at most `mtu` bytes from now on, headers included. False: they are no larger.
bool take_path_mtu(Tcpcb& tp, std::uint16_t mtu) {
    const std::uint32_t mss =
        std::max(mtu, kMtuFloor) - kTcpIpHeaderBytes - tp.agreed.option_bytes();
    if (mss >= tp.mss) return false;
    tp.mss = mss;
    tp.congestion.set_mss(mss);
    return true;
}

Next give_up(LockedNet& net, Tcpcb& tp) {
    net.tcp.stats.count(TcpCount::give_ups);
    tcp_drop(net, tp, tp.unreachable ? SocketError::unreachable : SocketError::timed_out);
    return Next::done;
}

/// RFC 2923 §2.1: routers that drop what is too big and do not say so.
void suspect_black_hole(LockedNet& net, Tcpcb& tp) {
    if (tp.retries != kBlackHoleRetries || tp.in_flight() < tp.mss) return;
    if (take_path_mtu(tp, kMtuFloor)) net.tcp.stats.count(TcpCount::black_holes);
}

/// RFC 6298 §5.4 to §5.6, RFC 5681 §3.1: back to the first unacknowledged byte, slowly.
Next on_retransmit(LockedNet& net, Tcpcb& tp) {
    if (peer_is_gone(tp, net.now())) return give_up(net, tp);
    net.tcp.stats.count(TcpCount::timeouts);
    ++tp.retries;
    tp.rtt.back_off();
    tp.timed_again = true;
    if (tp.syn_unacked()) {
        tp.snd_nxt = tp.snd_una;
        tp.agreed.ecn = false;  // RFC 3168 §6.1.1.1: perhaps the bits are what does not get through
    } else {
        suspect_black_hole(net, tp);
        recovery_on_timeout(tp);
    }
    tcp_output(net, tp);
    return Next::step;
}

/// RFC 9293 §3.8.6.1: the window is shut, or silly-window avoidance has waited long enough.
Next on_persist(LockedNet& net, Tcpcb& tp) {
    const bool limited = tp.socket->options.user_timeout != Duration{} &&
                         net.now() - tp.last_progress >= tp.give_up_after;
    const bool silent = limited || net.now() - tp.last_heard >= tp.give_up_after;
    if (tp.persist_shift >= 3 && silent) return give_up(net, tp);
    ++tp.persist_shift;
    if (tp.snd_wnd == 0 && tp.socket->send.size() > 0 && !tp.syn_unacked()) {
        tcp_window_probe(net, tp);
    }
    tp.force_output = tp.snd_wnd > 0;
    tcp_output(net, tp);
    return Next::step;
}

Next run_one(LockedNet& net, Tcpcb& tp, TcpTimer which) {
    switch (which) {
        case TcpTimer::retransmit: return on_retransmit(net, tp);
        case TcpTimer::persist: return on_persist(net, tp);
        case TcpTimer::delayed_ack:
            net.tcp.stats.count(TcpCount::delayed_acks);
            tp.ack_now = true;
            tcp_output(net, tp);
            return Next::step;
        case TcpTimer::probe:
            recovery_on_probe_timer(net, tp);
            tcp_output(net, tp);
            return Next::step;
        case TcpTimer::keepalive: return keepalive_expired(net, tp);
        case TcpTimer::resend: tcp_output(net, tp); return Next::step;
        case TcpTimer::linger:
            net.tcp.stats.count(TcpCount::orphans_dropped);
            tcp_drop(net, tp, SocketError::timed_out);
            return Next::done;
        case TcpTimer::count_: break;
    }
    return Next::step;
}

Next run_expired(LockedNet& net, Tcpcb& tp) {
    for (std::size_t i = 0; i < tp.deadlines.size(); ++i) {
        if (net.now() < tp.deadlines[i]) continue;
        tp.deadlines[i] = Instant::never();
        port::marked_point();  // disarmed, not acted on
        if (run_one(net, tp, static_cast<TcpTimer>(i)) == Next::done) return Next::done;
    }
    return Next::step;
}

}  // namespace

void tcp_timers(LockedNet& net) {
    TcpState& tcp = net.tcp;
    // Every timer that fires is armed for later or not at all, so this ends.
    while (Tcpcb* tp = tcp.timers.take_due(net.now())) {
        if (run_expired(net, *tp) == Next::done) continue;
        const Instant next = *std::min_element(tp->deadlines.begin(), tp->deadlines.end());
        if (next != Instant::never()) tcp.timers.at_latest(*tp, next);
        check_invariants(*tp);
    }
    bool expired = false;
    while (SynRecord* record = tcp.syn_cache.take_due(net.now(), expired)) {
        if (!expired) {
            tcp.stats.count(TcpCount::retransmits);
            record->agreed.ecn = false;
            send_syn_ack(net, *record);
            continue;
        }
        // The peer of a complete handshake believes in a connection: it must be told.
        if (SynCache::waits_in_line(*record)) {
            send_for_record(net, *record, TcpFlags::kRst | TcpFlags::kAck);
        }
        tcp.stats.count(TcpCount::syn_expired);
        tcp.syn_cache.remove(*record);
    }
    tcp.time_wait.expire(net.now());
    if constexpr (kMissionBugs) planted::release_kept(net);
}

Instant tcp_next_deadline(const LockedNet& net) {
    return std::min({net.tcp.timers.next(), net.tcp.syn_cache.next_deadline(),
                     net.tcp.time_wait.next_deadline()});
}

void tcp_icmp_error(LockedNet& net, std::uint8_t type, std::uint8_t code,
                    std::uint16_t next_hop_mtu, const FourTuple& quoted, std::uint32_t quoted_seq) {
    constexpr std::uint8_t kUnreachable = 3;
    constexpr std::uint8_t kTimeExceeded = 11;
    constexpr std::uint8_t kFragmentationNeeded = 4;
    Tcpcb* tp = net.tcp.find(quoted);
    if (tp == nullptr) return;
    // RFC 5927 §4.1: only about something that is under way now.
    if (!SeqNum{quoted_seq}.in_window(tp->snd_una, tp->snd_max - tp->snd_una)) return;
    if (type == kUnreachable && code == kFragmentationNeeded) {
        if (next_hop_mtu == 0 || tp->syn_unacked() || !take_path_mtu(*tp, next_hop_mtu)) return;
        net.tcp.stats.count(TcpCount::path_mtu_changes);
        tp->sent.lose_all();  // none of it got through
        tp->recovery.must_send = true;
        tp->timed_again = true;
        tp->disarm(TcpTimer::retransmit);
        tcp_output(net, *tp);
        return check_invariants(*tp);
    }
    // Protocol and port unreachable; net, host and communication prohibited (RFC 1812 §5.2.7.1).
    constexpr std::uint32_t kHard = 1U << 2U | 1U << 3U | 1U << 9U | 1U << 10U | 1U << 13U;
    // RFC 5927 §4.2: hard only while nothing is established that a forger could want to end.
    if (type == kUnreachable && code < 32 && (kHard >> code & 1U) != 0 &&
        tp->state == ConnectionState::syn_sent) {
        return connection_failed(net, *tp, SocketError::refused);
    }
    // Soft (RFC 5927 §5.2): remembered as the reason, should the connection time out anyway.
    if (type == kUnreachable || type == kTimeExceeded) tp->unreachable = true;
}

void tcp_address_lost(LockedNet& net, Ipv4 address) {
    net.tcp.syn_cache.remove_all_of(address);
    net.tcp.time_wait.remove_all_of(address);
    net.tcp.table.for_each([&](Tcpcb& tp) {
        if (tp.tuple.local.address == address) connection_failed(net, tp, SocketError::reset);
    });
}

}  // namespace kyu::net
