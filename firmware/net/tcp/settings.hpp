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
    // Before listen() or connect(): what our SYN says.
    bool ecn{true};               ///< ask for ECN, and grant it
    bool offer_scaling{true};     ///< RFC 7323 §2
    bool offer_timestamps{true};  ///< RFC 7323 §3
    bool offer_sack{true};        ///< RFC 2018
    /// Larger than receive_bytes needs: room for a buffer that is to grow later.
    std::uint8_t scale_at_least{0};
    bool keepalive{false};
    std::uint8_t keep_count{8};  ///< probes without an answer until the peer counts as gone
    Duration keep_idle{Duration::from_s(7200)};  ///< RFC 9293 §3.8.4: at least two hours
    Duration keep_interval{Duration::from_s(75)};
    /// Without progress for so long the connection is dropped, behind a closed window too. Zero:
    /// kGiveUpAfter or what the peer asks for (RFC 5482), and a closed window may last.
    Duration user_timeout{};
};

}  // namespace kyu::net
