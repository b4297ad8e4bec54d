// tcp_usrreq.
//
// Lock      the network lock.
#include "net/tcp/usrreq.hpp"

#include <algorithm>

#include "net/ip.hpp"
#include "net/net.hpp"
#include "net/tcp/arrival.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/isn.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

namespace {

constexpr unsigned kPortTries = 64;

/// RFC 6056 §3.3.1: a random port that makes the tuple a new one.
bool choose_port(LockedNet& net, FourTuple& tuple) {
    TcpState& tcp = net.tcp;
    for (unsigned i = 0; i < kPortTries; ++i) {
        tuple.local.port = static_cast<std::uint16_t>(kPortFirst + net.random.below(kPortCount));
        if (tcp.find(tuple) == nullptr && tcp.syn_cache.find(tuple) == nullptr &&
            tcp.time_wait.find(tuple) == nullptr &&
            tcp.sockets.find_listener(tuple.local.port) == nullptr) {
            return true;
        }
    }
    return false;
}

/// The user will send no more: FIN after what is queued (RFC 9293 §3.10.4).
void want_fin(LockedNet& net, Tcpcb& tp) {
    if (tp.fin_wanted) return;
    tp.fin_wanted = true;
    tp.more_to_come = false;
    tp.socket->no_more_output = true;
    if (tp.state == ConnectionState::established) tp.state = ConnectionState::fin_wait_1;
    if (tp.state == ConnectionState::close_wait) tp.state = ConnectionState::last_ack;
    tcp_output(net, tp);
}

void close_listener(LockedNet& net, Socket& socket) {
    TcpState& tcp = net.tcp;
    tcp.sockets.stop_listening(socket);
    tcp.syn_cache.remove_all_of(socket);
    while (Socket* child = socket.accept_queue.pop_front()) {
        child->listener = nullptr;
        --socket.queued;
        if (child->pcb != nullptr) {
            tcp_drop(net, *child->pcb, SocketError::closed);
        } else {
            tcp.sockets.release_if_unused(*child);
        }
    }
}

/// The user lets go: sleepers in calls on the socket wake and find nothing.
void let_go(LockedNet& net, Socket& socket) {
    net.wake(socket.readable);
    net.wake(socket.writable);
    net.tcp.sockets.disown(socket);
    if (socket.listening) close_listener(net, socket);
}

}  // namespace

Result<SocketId, SocketError> tcp_usr_listen(LockedNet& net, std::uint16_t port, unsigned backlog) {
    TcpState& tcp = net.tcp;
    if (port == 0) return SocketError::invalid;
    if (tcp.sockets.find_listener(port) != nullptr) return SocketError::in_use;
    Socket* so = tcp.sockets.allocate();
    if (so == nullptr) return SocketError::no_memory;
    so->owned = true;
    const unsigned most = kBacklogMax;
    tcp.sockets.start_listening(*so, port, std::clamp(backlog, 1U, most));
    return so->id();
}

SocketId tcp_usr_accept(LockedNet& net, Socket& listener) {
    Socket* child = listener.accept_queue.pop_front();
    if (child == nullptr) return {};
    child->listener = nullptr;
    child->owned = true;
    --listener.queued;
    queue_has_room(net, listener);
    return child->id();
}

Result<SocketId, SocketError> tcp_usr_connect(LockedNet& net, const Endpoint& remote,
                                              const TcpSettings& settings) {
    TcpState& tcp = net.tcp;
    if (remote.port == 0 || remote.address.is_any() || remote.address.is_limited_broadcast() ||
        remote.address.is_multicast()) {
        return SocketError::invalid;
    }
    FourTuple tuple;
    tuple.remote = remote;
    tuple.local.address = source_address(net, remote.address);
    if (tuple.local.address.is_any()) return SocketError::unreachable;
    if (!choose_port(net, tuple)) return SocketError::in_use;
    Socket* so = tcp.sockets.allocate();
    if (so == nullptr) return SocketError::no_memory;
    static_cast<TcpSettings&>(so->options) = settings;
    Tcpcb* tp = new_connection(net, *so, tuple);
    if (tp == nullptr) {
        tcp.sockets.release_if_unused(*so);
        return SocketError::no_memory;
    }
    so->owned = true;
    tp->iss = initial_sequence(net.random, tuple, net.now());
    tp->snd_una = tp->snd_nxt = tp->snd_max = tp->iss;
    // What is offered (RFC 7323 §2.2); what the peer's SYN says decides (agree()).
    tp->agreed.timestamps = settings.offer_timestamps;
    tp->agreed.scaling = settings.offer_scaling;
    tp->agreed.sack = settings.offer_sack;
    tp->agreed.ecn = settings.ecn;
    tp->agreed.rcv_scale = our_scale(settings);
    tp->agreed.ts_offset = timestamp_offset(net.random, tuple);
    tcp_output(net, *tp);
    check_invariants(*tp);
    return so->id();
}

void tcp_usr_send(LockedNet& net, Socket& socket, bool more_to_come) {
    Tcpcb* tp = socket.pcb;
    if (tp == nullptr) return;
    tp->more_to_come = more_to_come;
    tcp_output(net, *tp);
    check_invariants(*tp);
}

void tcp_usr_received(LockedNet& net, Socket& socket) {
    Tcpcb* tp = socket.pcb;
    if (tp == nullptr) return;
    tcp_output(net, *tp);  // sends a window update if one is due
    check_invariants(*tp);
}

Status<SocketError> tcp_usr_shutdown(LockedNet& net, Socket& socket) {
    Tcpcb* tp = socket.pcb;
    if (socket.listening) return SocketError::invalid;
    if (tp == nullptr) return socket.failed ? socket.error : SocketError::closed;
    if (tp->state == ConnectionState::syn_sent) return SocketError::not_connected;
    want_fin(net, *tp);
    check_invariants(*tp);
    return ok;
}

Status<SocketError> tcp_usr_shutdown_receive(LockedNet& net, Socket& socket) {
    if (socket.listening) return SocketError::invalid;
    if (socket.pcb == nullptr) return socket.failed ? socket.error : SocketError::closed;
    if (socket.pcb->syn_unacked()) return SocketError::not_connected;
    socket.no_more_input = true;
    socket.receive.clear();
    net.wake(socket.readable);
    tcp_usr_received(net, socket);
    return ok;
}

void tcp_usr_close(LockedNet& net, Socket& socket) {
    let_go(net, socket);
    Tcpcb* tp = socket.pcb;
    if (tp == nullptr) return net.tcp.sockets.release_if_unused(socket);
    if (tp->state == ConnectionState::syn_sent) {
        return connection_failed(net, *tp, SocketError::closed);
    }
    // RFC 2525 §2.17: unread data are lost, and the peer must hear of it once it has all of ours.
    if (socket.receive.size() > 0) tp->data_lost = true;
    socket.receive.clear();
    tp->reassembly.clear_data(net.tcp.reassembly);
    tp->orphan_until = net.now() + kOrphanLimitMax;
    start_linger(net, *tp);
    if (tp->state == ConnectionState::fin_wait_2 && tp->data_lost) {
        return tcp_drop(net, *tp, SocketError::reset);
    }
    want_fin(net, *tp);
    check_invariants(*tp);
}

void tcp_usr_abort(LockedNet& net, Socket& socket) {
    let_go(net, socket);
    Tcpcb* tp = socket.pcb;
    if (tp == nullptr) return net.tcp.sockets.release_if_unused(socket);
    tcp_drop(net, *tp, SocketError::closed);
}

}  // namespace kyu::net
