// TcpSettings: what a user may choose for a socket. A listener's are those of its connections.
//
// Lock      the network lock. Plain values; tcp/options_set.hpp changes them on a live socket.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "net/tcp/config.hpp"

namespace kyu::net {

enum class CongestionAlgorithm : std::uint8_t { cubic, newreno };

struct TcpSettings {
    std::uint32_t receive_bytes{
        kReceiveBytes};  ///< before listen() or connect(): it sets the scale
    std::uint32_t send_bytes{kSendBytes};
    bool no_delay{false};  ///< Nagle's algorithm off
    CongestionAlgorithm congestion{CongestionAlgorithm::cubic};
    bool ecn{true};  ///< before listen() or connect(): ask for ECN, and grant it
    bool keepalive{false};
    std::uint8_t keep_count{8};  ///< probes without an answer until the peer counts as gone
    Duration keep_idle{Duration::from_s(7200)};  ///< RFC 9293 §3.8.4: at least two hours
    Duration keep_interval{Duration::from_s(75)};
    /// Without progress for so long the connection is dropped, behind a closed window too. Zero:
    /// kGiveUpAfter or what the peer asks for (RFC 5482), and a closed window may last.
    Duration user_timeout{};
};

}  // namespace kyu::net
