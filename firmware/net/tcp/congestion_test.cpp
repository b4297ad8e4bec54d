// NewReno, fed with acknowledgements by hand.
#include "net/tcp/congestion.hpp"

#include <gtest/gtest.h>

namespace kyu::net {
namespace {

using Advice = Congestion::Advice;
constexpr std::uint32_t kMss = 1460;

SeqNum at(std::uint32_t segments) { return SeqNum{1000 + 1 + segments * kMss}; }

Congestion fresh() {
    Congestion c;
    c.start(kMss, SeqNum{1000});
    return c;
}

/// Recovery from the loss of the first of ten segments.
Congestion recovering() {
    Congestion c = fresh();
    EXPECT_EQ(c.on_duplicate_ack(at(0), at(10), 10 * kMss), Advice::send_new);
    EXPECT_EQ(c.on_duplicate_ack(at(0), at(11), 11 * kMss), Advice::send_new);
    EXPECT_EQ(c.on_duplicate_ack(at(0), at(12), 12 * kMss), Advice::fast_retransmit);
    return c;
}

TEST(Congestion, begins_with_ten_segments_and_doubles_each_round) {
    Congestion c = fresh();
    EXPECT_EQ(c.window(), 10 * kMss);
    for (std::uint32_t i = 1; i <= 10; ++i) {
        EXPECT_EQ(c.on_ack(at(i), kMss, c.window()), Advice::nothing);
    }
    EXPECT_EQ(c.window(), 20 * kMss);
}

TEST(Congestion, does_not_grow_a_window_that_is_not_used) {
    Congestion c = fresh();
    for (std::uint32_t i = 1; i <= 100; ++i)
        EXPECT_EQ(c.on_ack(at(i), kMss, kMss), Advice::nothing);
    EXPECT_EQ(c.window(), 10 * kMss);
}

TEST(Congestion, limited_transmit_allows_one_segment_for_each_of_two_duplicates) {
    Congestion c = fresh();
    EXPECT_EQ(c.on_duplicate_ack(at(0), at(10), 10 * kMss), Advice::send_new);
    EXPECT_EQ(c.window(), 11 * kMss);
    EXPECT_EQ(c.on_duplicate_ack(at(0), at(11), 11 * kMss), Advice::send_new);
    EXPECT_EQ(c.window(), 12 * kMss);
}

TEST(Congestion, third_duplicate_halves_and_retransmits_and_a_full_ack_ends_recovery) {
    Congestion c = recovering();
    EXPECT_TRUE(c.recovering());
    EXPECT_EQ(c.threshold(), 6 * kMss);
    EXPECT_EQ(c.window(), 9 * kMss);
    EXPECT_EQ(c.on_ack(at(12), 12 * kMss, 12 * kMss), Advice::nothing);
    EXPECT_FALSE(c.recovering());
    EXPECT_LE(c.window(), 6 * kMss);
}

TEST(Congestion, partial_ack_asks_for_the_next_hole_and_deflates) {
    Congestion c = recovering();
    EXPECT_EQ(c.on_ack(at(3), 3 * kMss, 12 * kMss), Advice::next_hole);
    EXPECT_TRUE(c.recovering());
    EXPECT_EQ(c.window(), (9 - 3 + 1) * kMss);
    EXPECT_TRUE(c.restart_timer());
    EXPECT_EQ(c.on_ack(at(4), kMss, 9 * kMss), Advice::next_hole);
    EXPECT_FALSE(c.restart_timer()) << "RFC 6582: impatient variant";
}

TEST(Congestion, duplicates_of_its_own_retransmissions_start_nothing) {
    Congestion c = fresh();
    c.on_timeout(at(10), 10 * kMss, true);
    EXPECT_EQ(c.window(), kMss);
    for (int i = 0; i < 2; ++i) (void)c.on_duplicate_ack(at(5), at(10), 5 * kMss);
    EXPECT_EQ(c.on_duplicate_ack(at(5), at(10), 5 * kMss), Advice::nothing);
    EXPECT_FALSE(c.recovering());
}

TEST(Congestion, repeated_timeouts_of_one_loss_halve_once) {
    Congestion c = fresh();
    c.on_timeout(at(10), 10 * kMss, true);
    EXPECT_EQ(c.threshold(), 5 * kMss);
    c.on_timeout(at(10), kMss, false);
    EXPECT_EQ(c.threshold(), 5 * kMss);
}

TEST(Congestion, window_is_never_below_one_segment_nor_wraps) {
    Congestion c = recovering();
    for (std::uint32_t i = 1; i < 12; ++i) {
        EXPECT_EQ(c.on_ack(at(i), kMss, (12 - i + 1) * kMss), Advice::next_hole);
        EXPECT_GE(c.window(), kMss);
    }
    for (std::uint32_t i = 0; i < 3'000'000; ++i) (void)c.on_duplicate_ack(at(11), at(12), kMss);
    EXPECT_LE(c.window(), 1U << 30U);
}

}  // namespace
}  // namespace kyu::net
