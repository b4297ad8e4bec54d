// A socket's settings, changed while it lives.
//
// Lock      the network lock.
#pragma once

#include "net/tcp/settings.hpp"

namespace kyu::net {

class LockedNet;
class Socket;

/// `settings` hold from now on, brought within their limits, for `socket` and, of a listener, for
/// every connection that it accepts afterwards. The receive buffer of a connection cannot grow
/// beyond what the scale of its windows can tell, which was chosen with its SYN.
void tcp_apply_settings(LockedNet& net, Socket& socket, const TcpSettings& settings);

}  // namespace kyu::net
