// Slow start, NewReno's avoidance, what loss and silence do to the window.
#include "net/tcp/congestion.hpp"

#include <gtest/gtest.h>

namespace kyu::net {
namespace congestion_test {

constexpr std::uint32_t kMss = 1460;
constexpr std::uint32_t kRtt = 20'000;

Congestion fresh(CongestionAlgorithm algorithm = CongestionAlgorithm::newreno) {
    Congestion c;
    c.start(kMss, algorithm);
    return c;
}
/// A round trip: the whole window is acknowledged, segment by segment.
void round_trip(Congestion& c, std::uint32_t now_ms = 0) {
    const std::uint32_t segments = c.window() / kMss;
    for (std::uint32_t i = 0; i < segments; ++i) c.on_ack({kMss, c.window()}, now_ms, kRtt);
}

TEST(Congestion, begins_with_ten_segments_and_doubles_each_round) {
    Congestion c = fresh();
    EXPECT_EQ(c.window(), 10 * kMss) << "RFC 6928";
    round_trip(c);
    EXPECT_EQ(c.window(), 20 * kMss);
}

TEST(Congestion, does_not_grow_a_window_that_is_not_used) {
    Congestion c = fresh();
    for (std::uint32_t i = 1; i <= 100; ++i) c.on_ack({kMss, kMss}, 0, kRtt);
    EXPECT_EQ(c.window(), 10 * kMss);
}

TEST(Congestion, bytes_count_and_not_acks) {
    Congestion many = fresh();
    Congestion few = fresh();
    for (int i = 0; i < 1000; ++i) many.on_ack({kMss / 100, many.window()}, 0, kRtt);
    for (int i = 0; i < 10; ++i) few.on_ack({kMss / 100 * 100, few.window()}, 0, kRtt);
    EXPECT_EQ(many.window(), few.window()) << "RFC 3465: an ACK for each byte gains nothing";
    Congestion stretch = fresh();
    stretch.on_ack({8 * kMss, stretch.window()}, 0, kRtt);
    EXPECT_EQ(stretch.window(), 12 * kMss) << "and one for many no more than two segments";
}

TEST(Congestion, newreno_halves_and_then_grows_by_one_segment_each_round) {
    Congestion c = fresh();
    c.on_loss(10 * kMss);
    c.settle();
    EXPECT_EQ(c.window(), 5 * kMss);
    const std::uint32_t before = c.window();
    round_trip(c);
    EXPECT_NEAR(c.window(), before + kMss, kMss / 4);
}

TEST(Congestion, cubic_keeps_seven_tenths) {
    Congestion c = fresh(CongestionAlgorithm::cubic);
    c.on_loss(10 * kMss);
    c.settle();
    EXPECT_EQ(c.window(), 7 * kMss);
}

TEST(Congestion, after_a_timeout_one_segment_and_then_one_more_for_each) {
    Congestion c = fresh();
    c.on_timeout(10 * kMss, true);
    EXPECT_EQ(c.window(), kMss);
    EXPECT_EQ(c.threshold(), 5 * kMss);
    c.on_ack({2 * kMss, kMss}, 0, kRtt);
    EXPECT_EQ(c.window(), 2 * kMss) << "RFC 3465 §2.3: L = 1";
}

TEST(Congestion, repeated_timeouts_of_one_loss_lower_the_threshold_once) {
    for (const auto algorithm : {CongestionAlgorithm::newreno, CongestionAlgorithm::cubic}) {
        Congestion c = fresh(algorithm);
        c.on_timeout(10 * kMss, true);
        const std::uint32_t threshold = c.threshold();
        c.on_timeout(kMss, false);
        EXPECT_EQ(c.threshold(), threshold);
    }
}

TEST(Congestion, the_threshold_is_never_below_two_segments) {
    Congestion c = fresh();
    c.on_loss(kMss);
    EXPECT_EQ(c.threshold(), 2 * kMss);
}

TEST(Congestion, silence_brings_the_window_back_to_its_beginning) {
    for (const auto algorithm : {CongestionAlgorithm::newreno, CongestionAlgorithm::cubic}) {
        Congestion c = fresh(algorithm);
        round_trip(c);
        c.after_idle();
        EXPECT_EQ(c.window(), 10 * kMss) << "RFC 5681 §4.1";
        c.on_loss(4 * kMss);
        c.settle();
        const std::uint32_t small = c.window();
        c.after_idle();
        EXPECT_EQ(c.window(), small) << "never up";
    }
}

TEST(Congestion, the_window_does_not_wrap) {
    for (const auto algorithm : {CongestionAlgorithm::newreno, CongestionAlgorithm::cubic}) {
        Congestion c = fresh(algorithm);
        for (std::uint32_t i = 0; i < 1'000'000; ++i) {
            c.on_ack({1U << 20U, UINT32_MAX / 2}, i * 10, kRtt);
        }
        EXPECT_LE(c.window(), 1U << 30U);
        c.on_loss(1U << 30U);
        c.settle();
        for (std::uint32_t i = 0; i < 1'000'000; ++i) {
            c.on_ack({1U << 20U, UINT32_MAX / 2}, i * 1000, kRtt);
        }
        EXPECT_LE(c.window(), 1U << 30U);
    }
}

}  // namespace congestion_test
}  // namespace kyu::net
