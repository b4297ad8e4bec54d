// Congestion: how much may be in flight (RFC 5681, 3465, 6928, 9438).
//
// Rules     Knows bytes and milliseconds, neither sequence numbers nor sockets. What is lost, and
//           when, is told by recovery.hpp.
// Context   any. Pure.
#pragma once

#include <cstdint>

#include "net/tcp/cubic.hpp"
#include "net/tcp/settings.hpp"

namespace kyu::net {

/// What was acknowledged at one time.
struct NewlyAcked {
    std::uint32_t bytes;
    std::uint32_t in_flight;  ///< before it
    std::uint32_t acks{1};    ///< that said so
};

class Congestion {
    std::uint32_t mss_{536};
    std::uint32_t window_{536};
    std::uint32_t threshold_{UINT32_MAX};
    CongestionAlgorithm algorithm_{CongestionAlgorithm::cubic};
    bool after_timeout_{false};
    Cubic cubic_{};

    [[nodiscard]] std::uint32_t initial_window() const;

public:
    /// The connection is established, after so many repetitions of our SYN.
    void start(std::uint32_t mss, CongestionAlgorithm algorithm, unsigned syn_retries = 0);
    void set_mss(std::uint32_t mss) { mss_ = mss; }
    void choose(CongestionAlgorithm algorithm) { algorithm_ = algorithm; }

    void on_ack(const NewlyAcked& news, std::uint32_t now_ms, std::uint32_t rtt_us);
    /// Something was lost, or marked by the network: the threshold goes down. The window follows
    /// as recovery says.
    void on_loss(std::uint32_t in_flight);
    /// The retransmission timer expired; `first`: not for the same loss again.
    void on_timeout(std::uint32_t in_flight, bool first);
    /// Nothing was sent for longer than one RTO (RFC 5681 §4.1).
    void after_idle();
    /// Recovery has come to its end, or a mark needs no recovery.
    void settle() { window_ = threshold_; }
    void set_window(std::uint32_t window) { window_ = window; }

    /// Bytes that may be in flight.
    [[nodiscard]] std::uint32_t window() const { return window_; }
    [[nodiscard]] std::uint32_t threshold() const { return threshold_; }
    [[nodiscard]] bool slow_start() const { return window_ < threshold_; }
    [[nodiscard]] CongestionAlgorithm algorithm() const { return algorithm_; }
};

}  // namespace kyu::net
