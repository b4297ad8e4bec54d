// CUBIC against its formula, in floating point.
#include "net/tcp/cubic.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace kyu::net {
namespace cubic_test {

constexpr std::uint32_t kMss = 1448;
constexpr std::uint32_t kRttUs = 100'000;

TEST(Cubic, cube_roots_are_exact) {
    for (const std::uint64_t n : {0ULL, 1ULL, 2ULL, 7ULL, 100ULL, 65535ULL, 2'000'000ULL}) {
        EXPECT_EQ(cube_root(n * n * n), n);
        EXPECT_EQ(cube_root(n * n * n + n), n);
        if (n > 0) {
            EXPECT_EQ(cube_root(n * n * n - 1), n - 1);
        }
    }
}

TEST(Cubic, follows_the_curve_of_rfc_9438) {
    Cubic c;
    const std::uint32_t top = 200 * kMss;
    std::uint32_t window = c.on_loss(top);
    EXPECT_EQ(window, top * 7 / 10);
    const double k = std::cbrt(200 * 0.3 / 0.4);  // seconds
    std::uint32_t ms = 1000;
    for (int round = 0; round < 80; ++round, ms += kRttUs / 1000) {
        const std::uint32_t segments = window / kMss;
        for (std::uint32_t i = 0; i < segments; ++i) {
            window += c.growth(window, kMss, kMss, ms, kRttUs);
        }
        const double t = (ms - 1000) / 1000.0 + kRttUs / 1e6;
        const double want = (0.4 * std::pow(t - k, 3) + 200) * kMss;
        EXPECT_NEAR(window, want, 0.04 * want) << "at " << t << " s of K = " << k;
    }
    EXPECT_GT(window, top);
}

TEST(Cubic, is_no_slower_than_reno_on_a_short_path) {
    Cubic c;
    std::uint32_t window = c.on_loss(20 * kMss);
    double reno = window;
    std::uint32_t ms = 1;
    for (int round = 0; round < 200; ++round, ++ms) {
        const std::uint32_t segments = window / kMss;
        for (std::uint32_t i = 0; i < segments; ++i) {
            window += c.growth(window, kMss, kMss, ms, 1000);
        }
        reno += kMss * 9.0 / 17;
        if (reno > 20 * kMss) break;
        EXPECT_GT(window, 0.93 * reno) << round;
    }
}

TEST(Cubic, who_loses_below_the_last_peak_aims_lower) {
    Cubic c;
    c.on_loss(100 * kMss);
    std::uint32_t window = c.on_loss(80 * kMss);
    std::uint32_t ms = 1000;
    for (int round = 0; round < 25; ++round, ms += 100) {
        for (std::uint32_t i = 0; i < window / kMss; ++i) {
            window += c.growth(window, kMss, kMss, ms, kRttUs);
        }
    }
    EXPECT_NEAR(window, 68 * kMss, 5 * kMss) << "0.85 of the new peak: a plateau";
}

}  // namespace cubic_test
}  // namespace kyu::net
