// SocketOptions: what a user may ask of a socket, as typed values (setsockopt's list).
//
// Rules     A connection accepted from a listener begins with the listener's options. Out of range
//           is refused whole (SocketError::invalid): nothing is changed then.
//           SO_REUSEADDR is not here: it is always on. A listener is opened on a port although
//           connections of an earlier one are in TIME_WAIT, and never beside another listener.
// Source    RFC 9293 §3.8.4 (keepalive), §3.9.1.2, RFC 5482 (user timeout), RFC 896 (Nagle).
#pragma once

#include <optional>

#include "base/time.hpp"
#include "net/tcp/settings.hpp"

namespace kyu::net {

inline constexpr Duration kLingerMax = Duration::from_s(600);

/// What TCP is told, and what only close() looks at.
struct SocketOptions : TcpSettings {
    /// SO_LINGER: close() waits so long for the peer to acknowledge everything, and resets the
    /// connection when it does not; 0 resets at once. Unset: close() does not wait.
    std::optional<Duration> linger{};
};

/// Whether every value is in range.
[[nodiscard]] bool valid(const SocketOptions& options);
}  // namespace kyu::net
