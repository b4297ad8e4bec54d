// SeqNum around the circle; RttEstimator; ChallengeLimit; initial sequence numbers.
#include "net/tcp/seq.hpp"

#include <gtest/gtest.h>

#include <set>

#include "net/tcp/challenge.hpp"
#include "net/tcp/isn.hpp"
#include "net/tcp/rtt.hpp"

namespace kyu::net {
namespace seq_test {

TEST(SeqNum, a_window_across_the_wrap_holds_its_first_and_not_its_end) {
    const SeqNum first{0xFFFF'FFF0};
    EXPECT_TRUE(first.in_window(first, SeqLen{1}));
    EXPECT_FALSE(first.in_window(first, SeqLen{0}));
    EXPECT_TRUE(SeqNum{0x0F}.in_window(first, SeqLen{0x20}));
    EXPECT_FALSE(SeqNum{0x10}.in_window(first, SeqLen{0x20}));
    EXPECT_FALSE(SeqNum{0xFFFF'FFEF}.in_window(first, SeqLen{0x20}));
}

TEST(SeqNum, later_is_the_shorter_way_round_at_both_wraps) {
    for (const std::uint32_t at : {0U, 0x7FFF'FF00U, 0x8000'0000U, 0xFFFF'FF00U}) {
        const SeqNum here{at};
        const SeqNum there = here + SeqLen{0x200};
        EXPECT_TRUE(there.is_after(here)) << at;
        EXPECT_TRUE(here.is_before(there)) << at;
        EXPECT_EQ(later(here, there), there) << at;
        EXPECT_EQ(earlier(here, there), here) << at;
        EXPECT_EQ((there - here).value, 0x200U) << at;
    }
}

TEST(RttEstimator, begins_at_one_second_and_takes_the_first_sample_whole) {
    RttEstimator rtt;
    EXPECT_EQ(rtt.rto(), kRtoInitial);
    rtt.on_sample(Duration::from_ms(400));
    EXPECT_EQ(rtt.smoothed(), Duration::from_ms(400));
    EXPECT_EQ(rtt.rto(), Duration::from_ms(400 + 4 * 200)) << "RFC 6298 §2.2";
    rtt.on_sample(Duration::from_ms(400));
    EXPECT_EQ(rtt.rto(), Duration::from_ms(400 + 4 * 150)) << "RFC 6298 §2.3";
}

TEST(RttEstimator, stays_between_its_bounds) {
    RttEstimator rtt;
    for (int i = 0; i < 50; ++i) rtt.on_sample(Duration::from_us(0));
    EXPECT_EQ(rtt.rto(), kRtoMin);
    rtt.on_sample(Duration::from_s(500));
    EXPECT_EQ(rtt.rto(), kRtoMax);
    for (int i = 0; i < 100; ++i) rtt.back_off();
    EXPECT_EQ(rtt.rto(), kRtoMax);
}

TEST(RttEstimator, backs_off_by_two_until_the_next_sample) {
    RttEstimator rtt;
    rtt.on_sample(Duration::from_ms(1));
    rtt.back_off();
    rtt.back_off();
    EXPECT_EQ(rtt.rto(), kRtoMin * 4);
    rtt.on_sample(Duration::from_ms(1));
    EXPECT_EQ(rtt.rto(), kRtoMin);
}

TEST(ChallengeLimit, allows_at_least_half_and_at_most_all_of_its_limit_each_second) {
    Random random{RandomKey{}};
    ChallengeLimit limit;
    std::set<std::uint32_t> seen;
    for (int second = 0; second < 20; ++second) {
        std::uint32_t allowed = 0;
        for (int i = 0; i < 1000; ++i) {
            if (limit.allow(Instant::from_us(second * 1'000'000), random)) ++allowed;
        }
        EXPECT_GE(allowed, kChallengeAcksPerSecond / 2);
        EXPECT_LE(allowed, kChallengeAcksPerSecond);
        seen.insert(allowed);
    }
    EXPECT_GT(seen.size(), 3U) << "a limit that never changes can be counted from outside";
}

TEST(InitialSequence, moves_with_the_clock_and_differs_between_tuples) {
    const Random random{RandomKey{}};
    const FourTuple a{{Ipv4{10, 0, 0, 1}, 114}, {Ipv4{10, 0, 0, 2}, 5000}};
    FourTuple b = a;
    b.remote.port = 5001;
    const SeqNum first = initial_sequence(random, a, Instant::from_us(0));
    EXPECT_EQ((initial_sequence(random, a, Instant::from_us(4000)) - first).value, 1000U);
    EXPECT_NE(initial_sequence(random, b, Instant::from_us(0)), first);
}

}  // namespace seq_test
}  // namespace kyu::net
