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

namespace kyu::net {

enum class CongestionAlgorithm : std::uint8_t { cubic, newreno };

/// A segment or two must fit: less would never send a full one.
inline constexpr std::uint32_t kSockBufBytesMin = 4096;
inline constexpr Duration kLingerMax = Duration::from_s(600);

struct SocketOptions {
    bool no_delay{false};  ///< TCP_NODELAY: Nagle's algorithm off
    bool keepalive{false};
    std::uint8_t keep_count{8};  ///< unanswered probes before the connection is given up
    CongestionAlgorithm congestion{CongestionAlgorithm::cubic};
    std::uint32_t send_bytes{kSockBufBytes};     ///< kSockBufBytesMin to kSockBufBytes
    std::uint32_t receive_bytes{kSockBufBytes};  ///< the same
    Duration keep_idle{Duration::from_s(7200)};
    Duration keep_interval{Duration::from_s(75)};
    Duration user_timeout{};  ///< 0: the stack's own limit, kGiveUpAfter
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
