// Birth and death of connections.
//
// Lock      the network lock.
#include "net/tcp/connection.hpp"

#include <algorithm>

#include "kernel/kernel.hpp"
#include "kernel/port.hpp"
#include "net/net.hpp"
#include "net/tcp/keepalive.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

const char* to_text(ConnectionState state) {
    switch (state) {
        case ConnectionState::syn_sent: return "SYN-SENT";
        case ConnectionState::syn_received: return "SYN-RECEIVED";
        case ConnectionState::established: return "ESTABLISHED";
        case ConnectionState::fin_wait_1: return "FIN-WAIT-1";
        case ConnectionState::fin_wait_2: return "FIN-WAIT-2";
        case ConnectionState::close_wait: return "CLOSE-WAIT";
        case ConnectionState::closing: return "CLOSING";
        case ConnectionState::last_ack: return "LAST-ACK";
    }
    return "?";
}

namespace {

/// Remote address and both ports.
[[gnu::noinline]] void trace(const char* what, const Tcpcb& tp) {
    const std::uint32_t ports = std::uint32_t{tp.tuple.local.port} << 16U | tp.tuple.remote.port;
    port::current_kernel().trace(what, tp.tuple.remote.address.host, ports);
}

}  // namespace

Tcpcb* new_connection(LockedNet& net, Socket& socket, const FourTuple& tuple) {
    Tcpcb* tp = net.tcp.connections.allocate();
    if (tp == nullptr) return nullptr;
    tp->tuple = tuple;
    tp->socket = &socket;
    tp->mss = kMssDefault;
    tp->last_heard = tp->last_progress = tp->last_sent = net.now();
    const TcpSettings& settings = socket.options;
    tp->no_delay = settings.no_delay;
    if (settings.user_timeout != Duration{}) tp->give_up_after = settings.user_timeout;
    socket.receive.set_limit(settings.receive_bytes);
    socket.send.set_limit(settings.send_bytes);
    socket.pcb = tp;
    socket.remote = tuple.remote;
    net.tcp.table.insert(*tp);
    if (net.debug_level > 0) trace("tcp-begin", *tp);
    return tp;
}

void agree(LockedNet& net, Tcpcb& tp, const Negotiated& agreed) {
    tp.agreed = agreed;
    tp.ts_recent_at = net.now();
    if (!agreed.scaling && tp.socket->receive.limit() > kUnscaledBytes) {
        tp.socket->receive.set_limit(kUnscaledBytes);
    }
}

void become_established(LockedNet& net, Tcpcb& tp) {
    tp.state = ConnectionState::established;
    tp.small_end = tp.snd_una;
    tp.congestion.start(tp.mss, tp.socket->options.congestion, tp.retries);
    tp.retries = 0;
    tp.recovery.until = tp.iss;
    tp.recovery.rack.start(tp.snd_una);
    tp.sent.restart(tp.snd_una);
    tp.ecn_until = tp.snd_una;
    if (tp.socket->options.keepalive) keepalive_start(net, tp);
    net.wake(tp.socket->writable);
}

namespace {

/// Takes the socket off its connection, wakes everybody, and frees what nobody holds.
void end(LockedNet& net, Tcpcb& tp) {
    if (net.debug_level > 0) trace("tcp-end", tp);
    Socket& so = *tp.socket;
    so.no_more_input = true;
    so.no_more_output = true;
    so.send.clear();
    so.pcb = nullptr;
    net.tcp.release(tp);
    net.tcp.stats.count(TcpCount::closed);
    net.wake(so.readable);
    net.wake(so.writable);
    if (so.listener != nullptr && so.failed) {  // never accepted: nobody will miss it
        so.listener->accept_queue.remove(so);
        --so.listener->queued;
        so.listener = nullptr;
    }
    net.tcp.sockets.release_if_unused(so);
}

}  // namespace

void connection_ended(LockedNet& net, Tcpcb& tp) { end(net, tp); }

void connection_failed(LockedNet& net, Tcpcb& tp, SocketError why) {
    tp.socket->fail(why);
    if (why == SocketError::reset) tp.socket->receive.clear();  // RFC 9293 §3.10.7.4: flushed
    end(net, tp);
}

void tcp_drop(LockedNet& net, Tcpcb& tp, SocketError why) {
    if (tp.synchronized()) tcp_send_reset(net, tp);
    connection_failed(net, tp, why);
}

void enter_time_wait(LockedNet& net, Tcpcb& tp) {
    bool recycled = false;
    TimeWaitRecord& record = net.tcp.time_wait.insert(tp.tuple, net.now(), recycled);
    record.snd_nxt = tp.snd_nxt;
    record.rcv_nxt = tp.rcv_nxt;
    record.window = syn_window(tp.socket->receive.limit() >> tp.agreed.rcv_scale);
    record.agreed = tp.agreed;
    net.tcp.stats.count(TcpCount::time_waits);
    if (recycled) net.tcp.stats.count(TcpCount::time_wait_recycled);
    if constexpr (kMissionBugs) {
        if (net.bug.is(MissionBug::timewait_pool)) planted::keep_for_time_wait(net, *tp.socket);
    }
    end(net, tp);
}

void start_linger(LockedNet& net, Tcpcb& tp) {
    net.tcp.arm(tp, TcpTimer::linger, std::min(net.now() + kOrphanLimit, tp.orphan_until));
}

#if defined(KYU_DEBUG_INVARIANTS)
void check_invariants(const Tcpcb& tp) {
    const Socket& so = *tp.socket;
    CHECK(so.pcb == &tp);
    CHECK(so.send.consistent() && so.receive.consistent());
    // Its output is due at the end of the batch: the event is not over, timers wait for it.
    if (IntrusiveList<Tcpcb, OutputTag>::contains_somewhere(tp)) return;
    CHECK(tp.reassembly.consistent());
    CHECK(!tp.snd_nxt.is_before(tp.snd_una) && !tp.snd_nxt.is_after(tp.snd_max));
    CHECK(!tp.rcv_adv.is_before(tp.rcv_nxt) &&
          tp.advertised() <=
              std::max(kUnscaledBytes, std::uint32_t{UINT16_MAX} << tp.agreed.rcv_scale));
    const bool unfinished = tp.in_flight() > 0 || so.send.size() > 0 || tp.syn_unacked() ||
                            (tp.fin_wanted && !tp.fin_acked);
    const bool retransmit = tp.armed(TcpTimer::retransmit);
    const bool persist = tp.armed(TcpTimer::persist);
    CHECK(!tp.armed(TcpTimer::probe) || tp.in_flight() > 0 || tp.recovery.reorder_pending);
    CHECK(tp.recovery.credit <= tp.in_flight());
    CHECK(unfinished ? retransmit != persist : !retransmit && !persist);
    if (!tp.syn_unacked()) {
        CHECK(tp.sent.consistent(tp.snd_una, tp.snd_nxt));
        const std::uint32_t sequence = so.send.size() + (tp.fin_wanted && !tp.fin_acked ? 1U : 0U);
        CHECK((tp.snd_max - tp.snd_una).value <= sequence);
    }
    for (const Instant at : tp.deadlines) {
        CHECK(at == Instant::never() || (tp.heap_index != UINT32_MAX && !(at < tp.filed_at)));
    }
}
#endif

}  // namespace kyu::net
