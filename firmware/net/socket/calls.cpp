// sosend, soreceive, soaccept, soconnect, soclose.
//
// Rules     No Socket& or Tcpcb& outlives a wait: each turn of a loop begins with find(id).
#include "net/socket/calls.hpp"

#include <algorithm>
#include <optional>

#include "kernel/port.hpp"
#include "kernel/thread.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net {

namespace {

/// How long a sender sleeps when the pool is empty: others give back, but not to this socket.
constexpr Duration kMemoryPatience = Duration::from_ms(10);

/// Sleeps until `point` is woken, at most until `deadline`. False: the deadline has passed.
bool sleep(NetGuard& guard, WaitPoint& point, Instant deadline) {
    if (!(guard->now() < deadline)) return false;
    (void)guard.wait(point, deadline);  // a last look at the predicate comes first in any case
    return true;
}

/// The socket, used by the calling thread from here on (sockstat).
Socket* find_for(NetGuard& guard, SocketId id) {
    Socket* so = guard->tcp.sockets.find(id);
    if (so != nullptr) so->user = static_cast<std::uint16_t>(guard.self().thread().id());
    return so;
}

/// Why nothing may be sent on the socket, if so.
std::optional<SocketError> send_obstacle(const Socket* so) {
    if (so == nullptr) return SocketError::closed;
    if (so->listening) return SocketError::invalid;
    if (so->failed) return so->error;
    if (so->no_more_output) return SocketError::closed;
    if (so->pcb == nullptr || so->pcb->syn_unacked()) return SocketError::not_connected;
    return std::nullopt;
}

/// Puts into the send buffer what fits now. Waits for a good piece of room rather than taking
/// crumbs, so that a fast sender is not woken for every segment.
std::size_t fill(LockedNet& net, Socket& so, std::span<const std::byte> data, SendMode mode) {
    if (so.send.over_memory() && so.send.compact(net.pool)) {
        net.tcp.stats.count(TcpCount::compactions);
    }
    if (so.send.space() < std::min<std::size_t>(data.size(), so.send.low_water())) return 0;
    if (mode == SendMode::refer) return so.send.append_static(net.pool, data);
    return so.send.append_copy(net.pool, data, so.pcb->mss);
}

}  // namespace

SendOutcome sosend(NetGuard& guard, SocketId id, std::span<const std::byte> data, SendMode mode,
                   Instant deadline) {
    std::size_t sent = 0;
    for (;;) {
        Socket* so = find_for(guard, id);
        if (const auto why = send_obstacle(so)) return {sent, *why};
        const std::size_t count = fill(*guard, *so, data.subspan(sent), mode);
        sent += count;
        port::marked_point();  // queued, not sent
        const bool done = sent == data.size();
        const bool room = so->send.space() > 0;
        // Room but nothing taken means no memory: what is queued must not wait for more.
        tcp_usr_send(*guard, *so, !done && !(count == 0 && room));
        if (done) return {sent, ok};
        if (count > 0) continue;
        if constexpr (kMissionBugs) {
            if (guard->bug.is(MissionBug::lost_wakeup)) {
                planted::sbwait(guard, *so);
                continue;
            }
        }
        const Instant until = std::min(deadline, guard->now() + kMemoryPatience);
        if (!sleep(guard, so->writable, room ? until : deadline)) {
            if (Socket* still = guard->tcp.sockets.find(id)) tcp_usr_send(*guard, *still, false);
            return {sent, SocketError::timed_out};
        }
    }
}

namespace {

/// Waits until `take(SockBuf&)` has got something out of the receive buffer, and says how much.
template <typename Take>
Result<std::size_t, SocketError> receive_by(NetGuard& guard, SocketId id, Instant deadline,
                                            Take take) {
    for (;;) {
        Socket* so = find_for(guard, id);
        if (so == nullptr) return SocketError::closed;
        if (so->listening) return SocketError::invalid;
        if (const std::size_t count = take(so->receive); count > 0) {
            port::marked_point();  // taken, the window not moved
            tcp_usr_received(*guard, *so);
            return count;
        }
        if (so->failed) return so->error;
        if (so->no_more_input) return std::size_t{0};
        if (so->pcb == nullptr || so->pcb->syn_unacked()) return SocketError::not_connected;
        if (!sleep(guard, so->readable, deadline)) return SocketError::timed_out;
    }
}

}  // namespace

Result<std::size_t, SocketError> soreceive(NetGuard& guard, SocketId id, std::span<std::byte> into,
                                           Instant deadline) {
    if (into.empty()) return SocketError::invalid;
    return receive_by(guard, id, deadline, [into](SockBuf& buffer) { return buffer.take(into); });
}

Result<std::size_t, SocketError> sodiscard(NetGuard& guard, SocketId id, Instant deadline) {
    return receive_by(guard, id, deadline, [](SockBuf& buffer) {
        const std::size_t count = buffer.size();
        buffer.clear();
        return count;
    });
}

Result<SocketId, SocketError> soaccept(NetGuard& guard, SocketId id, Instant deadline) {
    for (;;) {
        Socket* so = find_for(guard, id);
        if (so == nullptr) return SocketError::closed;
        if (!so->listening) return SocketError::invalid;
        if (const SocketId child = tcp_usr_accept(*guard, *so)) {
            (void)find_for(guard, child);
            return child;
        }
        if (!sleep(guard, so->readable, deadline)) return SocketError::timed_out;
    }
}

Result<SocketId, SocketError> soconnect(NetGuard& guard, const Endpoint& remote, Instant deadline) {
    const auto begun = tcp_usr_connect(*guard, remote);
    if (!begun) return begun.error();
    const auto connected = soconnected(guard, *begun, deadline);
    if (connected) return *begun;
    soabort(guard, *begun);
    return connected.error();
}

Status<SocketError> soconnected(NetGuard& guard, SocketId id, Instant deadline) {
    for (;;) {
        Socket* so = find_for(guard, id);
        if (so == nullptr) return SocketError::closed;
        if (so->failed) return so->error;
        if (so->listening) return SocketError::invalid;
        if (so->pcb == nullptr || !so->pcb->syn_unacked()) return ok;
        if (!sleep(guard, so->writable, deadline)) return SocketError::timed_out;
    }
}

namespace {

/// SO_LINGER: until the peer has acknowledged all, FIN included. False: it did not, in time.
bool linger(NetGuard& guard, SocketId id, Instant deadline) {
    for (;;) {
        Socket* so = find_for(guard, id);
        if (so == nullptr || so->pcb == nullptr || so->pcb->fin_acked) return true;
        if (!sleep(guard, so->writable, deadline)) return false;
    }
}

}  // namespace

Status<SocketError> soshutdown(NetGuard& guard, SocketId id, Shutdown which) {
    Socket* so = guard->tcp.sockets.find(id);
    if (so == nullptr) return SocketError::closed;
    if (which != Shutdown::send) {
        const auto done = tcp_usr_shutdown_receive(*guard, *so);
        if (!done) return done.error();
        if (which == Shutdown::receive) return ok;
    }
    return tcp_usr_shutdown(*guard, *so);
}

void soclose(NetGuard& guard, SocketId id) {
    Socket* so = guard->tcp.sockets.find(id);
    port::marked_point();  // looked up, not closed
    if (so == nullptr) return;
    const auto patience = so->options.linger;
    if (patience && so->pcb != nullptr && !so->pcb->syn_unacked()) {
        const Instant deadline = guard->now() + *patience;
        if (Duration{} < *patience) (void)tcp_usr_shutdown(*guard, *so);
        if (!linger(guard, id, deadline)) return soabort(guard, id);
        so = guard->tcp.sockets.find(id);
    }
    if (so != nullptr) tcp_usr_close(*guard, *so);
}

void soabort(NetGuard& guard, SocketId id) {
    if (Socket* so = guard->tcp.sockets.find(id)) tcp_usr_abort(*guard, *so);
}

}  // namespace kyu::net
