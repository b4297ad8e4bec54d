// Keepalive (RFC 9293 §3.8.4): whether a peer that says nothing is still there.
//
// Rules     Off unless the socket's user asks for it; idle time, interval and count are the
//           socket's. A probe is a bare ACK of the byte before the window, which no peer may
//           ignore: it carries no data, and timestamps like any other segment.
// Lock      the network lock.
#pragma once

#include "net/tcp/tcpcb.hpp"

namespace kyu::net {

class LockedNet;

/// The connection is established, or its user has changed the settings.
void keepalive_start(LockedNet& net, Tcpcb& tp);
/// The timer. Next::done: the peer is gone, and so is the connection.
Next keepalive_expired(LockedNet& net, Tcpcb& tp);

}  // namespace kyu::net
