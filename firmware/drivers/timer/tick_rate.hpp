// Between ticks of a counter of any frequency and microseconds, without division and overflow.
//
// Rules     Two factors are computed once, as whole part and 64-bit fraction; a conversion is one
//           multiplication of 64 by 64 bits. Rounding is chosen so that a deadline is never early:
//           microseconds(ticks(t)) >= t for every t.
// Context   any; pure.
#pragma once

#include <cstdint>

namespace kyu {

/// The upper half of a 64 by 64 bit product.
constexpr std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t a_low = a & 0xFFFF'FFFFU;
    const std::uint64_t a_high = a >> 32U;
    const std::uint64_t b_low = b & 0xFFFF'FFFFU;
    const std::uint64_t b_high = b >> 32U;
    const std::uint64_t middle = a_high * b_low + (a_low * b_low >> 32U);
    const std::uint64_t other = a_low * b_high + (middle & 0xFFFF'FFFFU);
    return a_high * b_high + (middle >> 32U) + (other >> 32U);
}

/// `numerator` / `denominator` as a factor.
class Factor {
    std::uint64_t whole_;
    std::uint64_t fraction_;  // in units of 2^-64, rounded up

    /// remainder * 2^64 / divisor, rounded up; remainder < divisor < 2^32.
    static constexpr std::uint64_t fraction_of(std::uint64_t remainder, std::uint64_t divisor) {
        if (remainder == 0) return 0;
        const std::uint64_t high = (remainder << 32U) / divisor;
        const std::uint64_t left = (remainder << 32U) % divisor;
        const std::uint64_t low = (left << 32U) / divisor;
        const bool exact = (left << 32U) % divisor == 0;
        return (high << 32U) + low + (exact ? 0 : 1);
    }

public:
    constexpr Factor(std::uint32_t numerator, std::uint32_t denominator)
        : whole_(numerator / denominator),
          fraction_(fraction_of(numerator % denominator, denominator)) {}

    /// Rounded down.
    [[nodiscard]] constexpr std::uint64_t times(std::uint64_t n) const {
        return n * whole_ + multiply_high(n, fraction_);
    }
};

class TickRate {
    static constexpr std::uint32_t kMicrosecondsPerSecond = 1'000'000;
    Factor to_us_;
    Factor to_ticks_;

public:
    constexpr explicit TickRate(std::uint32_t ticks_per_second)
        : to_us_(kMicrosecondsPerSecond, ticks_per_second),
          to_ticks_(ticks_per_second, kMicrosecondsPerSecond) {}

    /// Whole microseconds in `ticks`.
    [[nodiscard]] constexpr std::uint64_t microseconds(std::uint64_t ticks) const {
        return to_us_.times(ticks);
    }
    /// Ticks after which at least `us` microseconds have passed; less than two too many.
    [[nodiscard]] constexpr std::uint64_t ticks(std::uint64_t us) const {
        return to_ticks_.times(us) + 1;
    }
};

}  // namespace kyu
