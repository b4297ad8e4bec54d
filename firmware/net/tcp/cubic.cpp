// CUBIC.
//
// Context   any. Pure.
#include "net/tcp/cubic.hpp"

#include <algorithm>

namespace kyu::net {

namespace {

constexpr std::int64_t kOffsetMaxMs = 100'000;  // its cube times an MSS still fits 63 bits

/// C * (t - K)^3 segments, in bytes; C = 0.4 per second cubed (§5).
std::int64_t curve(std::int64_t offset_ms, std::uint32_t mss) {
    const std::int64_t d = std::clamp(offset_ms, -kOffsetMaxMs, kOffsetMaxMs);
    return d * d * d / 1'000'000 * mss / 2500;
}

}  // namespace

std::uint32_t cube_root(std::uint64_t x) {
    std::uint64_t root = 0;
    for (unsigned bit = 21; bit < 22; --bit) {
        const std::uint64_t next = root | (std::uint64_t{1} << bit);
        if (next * next * next <= x) root = next;
    }
    return static_cast<std::uint32_t>(root);
}

std::uint32_t Cubic::on_loss(std::uint32_t window) {
    // §4.7, fast convergence: who loses below the last peak leaves room for others.
    max_ = window < max_ ? static_cast<std::uint32_t>(std::uint64_t{window} * 17 / 20) : window;
    running_ = false;
    return static_cast<std::uint32_t>(std::uint64_t{window} * 7 / 10);
}

void Cubic::begin(std::uint32_t window, std::uint32_t mss, std::uint32_t now_ms) {
    running_ = true;
    begun_ms_ = now_ms;
    target_ms_ = now_ms - 1;
    reno_ = window;
    max_ = std::max(max_, window);
    // §4.2: K = cbrt((W_max - cwnd) / C), in milliseconds.
    k_ms_ = cube_root(std::uint64_t{max_ - window} * 2'500'000'000U / mss);
}

std::uint32_t Cubic::growth(std::uint32_t window, std::uint32_t mss, std::uint32_t acked,
                            std::uint32_t now_ms, std::uint32_t rtt_us) {
    if (!running_) begin(window, mss, now_ms);
    if (target_ms_ != now_ms) {
        target_ms_ = now_ms;
        const auto t = static_cast<std::int64_t>(now_ms - begun_ms_) + rtt_us / 1000;
        const std::int64_t at = std::int64_t{max_} + curve(t - k_ms_, mss);
        target_ =
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(at, mss, kCongestionWindowMax));
    }
    // §4.3: Reno with the same loss response grows by 3 (1 - 0.7) / (1 + 0.7) = 9/17 a round trip.
    const bool below_max = reno_ < max_;
    const std::uint64_t reno_step = std::uint64_t{mss} * acked / window;
    reno_ += static_cast<std::uint32_t>(below_max ? reno_step * 9 / 17 : reno_step);
    reno_ = std::min(reno_, kCongestionWindowMax);
    const std::uint32_t target = std::min(std::max(target_, window), window + window / 2);
    const auto step = static_cast<std::uint32_t>(std::uint64_t{target - window} * acked / window);
    return std::max(step, reno_ > window ? reno_ - window : 0U);
}

}  // namespace kyu::net
