// Duration and Instant: time in microseconds, with types.
//
// Rules     A Duration is a length of time, an Instant a point on the board's monotonic clock
//           (port.hpp: now()); it starts near zero at boot and never goes back. 63 bits of
//           microseconds last 292,000 years, so neither wraps.
// Context   any.
#pragma once

#include <compare>
#include <cstdint>

namespace kyu {

class Duration {
    std::int64_t us_{};
    constexpr explicit Duration(std::int64_t us) : us_(us) {}

public:
    constexpr Duration() = default;
    static constexpr Duration from_us(std::int64_t n) { return Duration{n}; }
    static constexpr Duration from_ms(std::int64_t n) { return Duration{n * 1000}; }
    static constexpr Duration from_s(std::int64_t n) { return Duration{n * 1'000'000}; }
    [[nodiscard]] constexpr std::int64_t us() const { return us_; }
    [[nodiscard]] constexpr std::int64_t ms() const { return us_ / 1000; }

    friend constexpr auto operator<=>(Duration, Duration) = default;
    friend constexpr Duration operator+(Duration a, Duration b) { return Duration{a.us_ + b.us_}; }
    friend constexpr Duration operator-(Duration a, Duration b) { return Duration{a.us_ - b.us_}; }
    friend constexpr Duration operator*(Duration a, std::int64_t n) { return Duration{a.us_ * n}; }
    friend constexpr Duration operator/(Duration a, std::int64_t n) { return Duration{a.us_ / n}; }
};

class Instant {
    std::int64_t us_{};
    constexpr explicit Instant(std::int64_t us) : us_(us) {}

public:
    constexpr Instant() = default;
    /// `n` microseconds after boot.
    static constexpr Instant from_us(std::int64_t n) { return Instant{n}; }
    /// Later than every deadline: "wait for ever".
    static constexpr Instant never() { return Instant{INT64_MAX}; }
    [[nodiscard]] constexpr std::int64_t us() const { return us_; }
    [[nodiscard]] constexpr std::int64_t ms() const { return us_ / 1000; }

    friend constexpr auto operator<=>(Instant, Instant) = default;
    /// never() plus or minus anything stays never().
    friend constexpr Instant operator+(Instant t, Duration d) {
        return t == never() ? t : Instant{t.us_ + d.us()};
    }
    friend constexpr Instant operator-(Instant t, Duration d) {
        return t == never() ? t : Instant{t.us_ - d.us()};
    }
    friend constexpr Duration operator-(Instant a, Instant b) {
        return Duration::from_us(a.us_ - b.us_);
    }
};

namespace time_literals {
constexpr Duration operator""_us(unsigned long long n) {
    return Duration::from_us(static_cast<std::int64_t>(n));
}
constexpr Duration operator""_ms(unsigned long long n) {
    return Duration::from_ms(static_cast<std::int64_t>(n));
}
constexpr Duration operator""_s(unsigned long long n) {
    return Duration::from_s(static_cast<std::int64_t>(n));
}
}  // namespace time_literals

static_assert(Instant::never() + Duration::from_s(1) == Instant::never());

}  // namespace kyu
