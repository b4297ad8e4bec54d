// Birth and death of connections.
//
// Lock      the network lock.
#pragma once

#include "net/socket/api.hpp"
#include "net/tcp/tcpcb.hpp"
#include "net/tcp/time_wait.hpp"

namespace kyu::net {

class LockedNet;
class Socket;

/// A control block for `socket` under `tuple`, filed in the table; nullptr when all are in use.
[[nodiscard]] Tcpcb* new_connection(LockedNet& net, Socket& socket, const FourTuple& tuple);

/// The peer's SYN is here: the options of both hold from now on.
void agree(LockedNet& net, Tcpcb& tp, const Negotiated& agreed);

/// Both SYNs are acknowledged, ours after tp.retries repetitions: the windows open.
void become_established(LockedNet& net, Tcpcb& tp);

/// The connection is over; its block is gone afterwards, its socket too unless a thread holds it.
/// What was received can still be read.
void connection_ended(LockedNet& net, Tcpcb& tp);
/// The same, and the socket says why from now on.
void connection_failed(LockedNet& net, Tcpcb& tp, SocketError why);
/// The same after telling the peer with a reset.
void tcp_drop(LockedNet& net, Tcpcb& tp, SocketError why);

/// Leaves a TIME-WAIT record behind and ends the connection. The last ACK must have been sent.
void enter_time_wait(LockedNet& net, Tcpcb& tp);

/// Nobody owns the connection any more: it may take kOrphanLimit from now to finish.
void start_linger(LockedNet& net, Tcpcb& tp);

#if defined(KYU_DEBUG_INVARIANTS)
/// CHECKs what must hold between any two events.
void check_invariants(const Tcpcb& tp);
#else
inline void check_invariants(const Tcpcb&) {}
#endif

}  // namespace kyu::net
