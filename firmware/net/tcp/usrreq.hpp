// tcp_usrreq: what users ask of TCP (RFC 9293 §3.10.1 to §3.10.6). Nothing here waits.
//
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "net/socket/api.hpp"

namespace kyu::net {

class LockedNet;
class Socket;

/// A listening socket, owned by the caller.
Result<SocketId, SocketError> tcp_usr_listen(LockedNet& net, std::uint16_t port, unsigned backlog);
/// The next connection of a listener's queue, owned by the caller; no socket when it is empty.
[[nodiscard]] SocketId tcp_usr_accept(LockedNet& net, Socket& listener);
/// A socket whose SYN is on its way, owned by the caller. `writable` tells when it is connected.
Result<SocketId, SocketError> tcp_usr_connect(LockedNet& net, const Endpoint& remote);
/// Something was put into the send buffer; `more_to_come`: the same call will add to it.
void tcp_usr_send(LockedNet& net, Socket& socket, bool more_to_come);
/// Something was taken from the receive buffer.
void tcp_usr_received(LockedNet& net, Socket& socket);
/// SHUTDOWN of the receiving side: what has come and what will come is thrown away.
Status<SocketError> tcp_usr_shutdown_receive(LockedNet& net, Socket& socket);
/// SHUTDOWN of the sending side: FIN after what is queued.
Status<SocketError> tcp_usr_shutdown(LockedNet& net, Socket& socket);
/// CLOSE: the id is dead afterwards; queued data and FIN are still delivered.
void tcp_usr_close(LockedNet& net, Socket& socket);
/// ABORT: the id is dead afterwards, and the connection too.
void tcp_usr_abort(LockedNet& net, Socket& socket);

}  // namespace kyu::net
