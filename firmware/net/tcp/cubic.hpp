// Cubic: how the window grows after a loss (RFC 9438), in integers.
//
// Rules     Windows in bytes, time in milliseconds. A window follows a cubic curve through the size
//           at which the last loss came, but is never smaller than Reno's would be.
// Context   any. Pure.
#pragma once

#include <cstdint>

namespace kyu::net {

/// No window grows beyond what the largest scaled window can hold (RFC 7323 §2.3).
constexpr std::uint32_t kCongestionWindowMax = 1U << 30U;

class Cubic {
    std::uint32_t max_{0};       ///< W_max: where the last loss came
    std::uint32_t k_ms_{0};      ///< K: from the loss to W_max again
    std::uint32_t reno_{0};      ///< W_est
    std::uint32_t target_{0};    ///< of `target_ms_`
    std::uint32_t begun_ms_{0};  ///< of this epoch
    std::uint32_t target_ms_{0};
    bool running_{false};

    void begin(std::uint32_t window, std::uint32_t mss, std::uint32_t now_ms);

public:
    /// A loss at `window`: what is left of it (§4.6, §4.7).
    std::uint32_t on_loss(std::uint32_t window);
    /// Growth of `window` for `acked` bytes, not in slow start (§4.2 to §4.5).
    std::uint32_t growth(std::uint32_t window, std::uint32_t mss, std::uint32_t acked,
                         std::uint32_t now_ms, std::uint32_t rtt_us);
    /// Sending paused: time that was not used does not count (§4.7 of RFC 9438 speaks of epochs).
    void pause() { running_ = false; }
};

/// The whole part of the cube root.
[[nodiscard]] std::uint32_t cube_root(std::uint64_t x);

}  // namespace kyu::net
