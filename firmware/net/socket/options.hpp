// SocketOptions: what a user may ask of a socket, as typed values (setsockopt's list).
//
// Rules     A connection accepted from a listener begins with the listener's options. Out of range
//           is refused whole (SocketError::invalid): nothing is changed then.
//           SO_REUSEADDR is not here: it is always on. A listener is opened on a port although
//           connections of an earlier one are in TIME_WAIT, and never beside another listener.
// Source    RFC 9293 §3.8.4 (keepalive), §3.9.1.2, RFC 5482 (user timeout), RFC 896 (Nagle).
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "net/tcp/config.hpp"
#include "net/tcp/settings.hpp"

namespace kyu::net {

/// A segment or two must fit into a buffer: less would never send a full one.
static_assert(kSockBufBytesMin >= 2 * 1460);
inline constexpr Duration kLingerMax = Duration::from_s(600);

struct SocketOptions : TcpSettings {
    /// SO_LINGER: close() waits so long for the peer to acknowledge everything, and resets the
    /// connection when it does not; 0 resets at once. Unset: close() does not wait.
    std::optional<Duration> linger{};
};

class LockedNet;
class Socket;

/// Whether every value is in range.
[[nodiscard]] bool valid(const SocketOptions& options);
/// Makes socket and connection, if there is one, obey the socket's options.
void apply_options(LockedNet& net, Socket& socket);

}  // namespace kyu::net
