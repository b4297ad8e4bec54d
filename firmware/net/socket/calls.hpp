// Socket calls that may wait.
//
// Context   threads that hold the guard. While a call waits the lock is free; afterwards the socket
//           is looked up again by its id, and everything that was known of it is forgotten.
// Time      deadlines are Instants; a deadline that has passed means "try, do not wait".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "net/net.hpp"
#include "net/socket/api.hpp"

namespace kyu::net {

enum class SendMode : std::uint8_t {
    copy,   ///< the caller may use its memory again at once
    refer,  ///< the memory never changes and never goes away
};

SendOutcome sosend(NetGuard& guard, SocketId id, std::span<const std::byte> data, SendMode mode,
                   Instant deadline);
Result<std::size_t, SocketError> soreceive(NetGuard& guard, SocketId id, std::span<std::byte> into,
                                           Instant deadline);
/// Takes all that is there and throws it away: nothing is copied.
Result<std::size_t, SocketError> sodiscard(NetGuard& guard, SocketId id, Instant deadline);
Result<SocketId, SocketError> soaccept(NetGuard& guard, SocketId id, Instant deadline);
Result<SocketId, SocketError> soconnect(NetGuard& guard, const Endpoint& remote, Instant deadline);
/// Waits until a connection that was begun by tcp_usr_connect() is there, or why it will not be.
Status<SocketError> soconnected(NetGuard& guard, SocketId id, Instant deadline);
/// Waits only when the socket has the option `linger`.
void soclose(NetGuard& guard, SocketId id);
/// Never wait.
Status<SocketError> soshutdown(NetGuard& guard, SocketId id, Shutdown which);
void soabort(NetGuard& guard, SocketId id);

}  // namespace kyu::net
