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
};

}  // namespace kyu::net
