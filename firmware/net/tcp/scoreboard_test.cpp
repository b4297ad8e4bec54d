// The scoreboard against a slow one that remembers each byte.
#include "net/tcp/scoreboard.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace kyu::net {
namespace scoreboard_test {

constexpr SeqNum kBase{0xFFFF'FE00};  // everything here wraps
SeqNum at(std::uint32_t n) { return kBase + SeqLen{n}; }
const auto kQuiet = [](const Scoreboard::Delivered&) {};

Scoreboard with_segments(std::uint32_t count, std::uint32_t bytes = 100) {
    Scoreboard s;
    s.restart(kBase);
    for (std::uint32_t i = 0; i < count; ++i) s.sent(at((i + 1) * bytes), 1000 * i, 0);
    return s;
}

TEST(Scoreboard, bytes_of_one_age_share_a_range) {
    Scoreboard s;
    s.restart(kBase);
    for (std::uint32_t i = 1; i <= 100; ++i) s.sent(at(i * 10), 1000 + i, 50);
    EXPECT_EQ(s.ranges().size(), 2U);
    EXPECT_TRUE(s.consistent(kBase, at(1000)));
}

TEST(Scoreboard, holds_blocks_and_tells_each_byte_once) {
    Scoreboard s = with_segments(10);
    EXPECT_EQ(s.hold({at(200), at(400)}, kQuiet), 200U);
    EXPECT_EQ(s.hold({at(300), at(500)}, kQuiet), 100U);
    EXPECT_EQ(s.hold({at(250), at(350)}, kQuiet), 0U);
    EXPECT_EQ(s.sacked(), 300U);
    EXPECT_EQ(s.highest_held(), at(500));
    EXPECT_EQ(s.acknowledge(at(450), kQuiet), 200U) << "what was held is no news";
    EXPECT_EQ(s.sacked(), 50U);
    EXPECT_TRUE(s.consistent(at(450), at(1000)));
}

TEST(Scoreboard, what_is_lost_is_found_lowest_first_and_is_in_flight_again_once_sent) {
    Scoreboard s = with_segments(10);
    s.hold({at(900), at(1000)}, kQuiet);
    EXPECT_EQ(s.lose_if([](const SentRange& r, SeqNum) { return r.sent_us < 3000; }), 300U);
    ASSERT_TRUE(s.first_lost());
    EXPECT_EQ(s.first_lost()->first, kBase);
    EXPECT_EQ(s.first_lost()->end, at(300));
    s.resent(kBase, at(146), 50'000);
    EXPECT_EQ(s.lost(), 154U);
    EXPECT_EQ(s.first_lost()->first, at(146));
    EXPECT_TRUE(s.ranges().front().again);
    EXPECT_TRUE(s.consistent(kBase, at(1000)));
}

TEST(Scoreboard, what_a_needless_timeout_took_for_lost_tells_when_it_was_sent_last) {
    for (const std::uint32_t now : {5000U, 0x9000'0000U, 0xFFFF'FFF0U}) {
        Scoreboard s;
        s.restart(kBase);
        for (std::uint32_t i = 0; i < 10; ++i) s.sent(at((i + 1) * 100), now + 10 * i, 0);
        s.resent(kBase, at(100), now + 200);  // the lowest is not the oldest
        s.lose_all();
        std::uint32_t told = 0;
        s.acknowledge(at(300), [&](const Scoreboard::Delivered& d) { told = d.sent_us; });
        EXPECT_EQ(told, now + 200) << "RACK would take 0 for a time";
    }
}

TEST(Scoreboard, a_timeout_forgets_what_the_peer_held) {
    Scoreboard s = with_segments(10);
    s.hold({at(500), at(800)}, kQuiet);
    s.lose_all();
    EXPECT_EQ(s.sacked(), 0U);
    EXPECT_EQ(s.lost(), 1000U);
    EXPECT_TRUE(s.consistent(kBase, at(1000)));
}

TEST(Scoreboard, when_it_is_full_the_highest_is_forgotten_and_the_lowest_holes_stay) {
    Scoreboard s = with_segments(200, 10);
    for (std::uint32_t i = 1; i < 200; i += 2) s.hold({at(i * 10), at(i * 10 + 10)}, kQuiet);
    EXPECT_GT(s.forgotten, 0U);
    EXPECT_LE(s.ranges().size(), kSentRangesMax);
    EXPECT_TRUE(s.consistent(kBase, at(2000)));
    EXPECT_EQ(s.ranges()[1].state, SentRange::State::sacked);
    EXPECT_EQ(s.ranges()[0].end, at(10));
}

TEST(Scoreboard, agrees_with_a_slow_one_over_any_history) {
    using State = SentRange::State;
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        std::mt19937 random{seed};
        Scoreboard s;
        s.restart(kBase);
        std::vector<State> slow;  // by offset; grows
        std::uint32_t una = 0;
        std::uint32_t now = 0;
        const auto pick = [&](std::uint32_t low, std::uint32_t high) {
            return low + static_cast<std::uint32_t>(random() % (high - low + 1));
        };
        for (int step = 0; step < 300 && s.forgotten == 0; ++step) {
            now += 100;
            const auto nxt = static_cast<std::uint32_t>(slow.size());
            switch (random() % 5) {
                case 0:
                    slow.resize(nxt + pick(1, 30), State::in_flight);
                    s.sent(at(static_cast<std::uint32_t>(slow.size())), now, 150);
                    break;
                case 1: {
                    if (nxt == una) break;
                    const std::uint32_t from = pick(una, nxt - 1);
                    const std::uint32_t to = pick(from + 1, nxt);
                    std::uint32_t fresh = 0;
                    for (std::uint32_t i = from; i < to; ++i) {
                        if (slow[i] != State::sacked) ++fresh;
                        slow[i] = State::sacked;
                    }
                    EXPECT_EQ(s.hold({at(from), at(to)}, kQuiet), fresh);
                    break;
                }
                case 2:
                    una = pick(una, nxt);
                    s.acknowledge(at(una), kQuiet);
                    break;
                case 3: {
                    const std::uint32_t before = now - pick(0, 1000);
                    s.lose_if([&](const SentRange& r, SeqNum begin) {
                        if (r.sent_us >= before) return false;
                        for (auto i = (begin - kBase).value; i < (r.end - kBase).value; ++i) {
                            slow[i] = State::lost;
                        }
                        return true;
                    });
                    break;
                }
                default:
                    if (const auto lost = s.first_lost()) {
                        const std::uint32_t from = (lost->first - kBase).value;
                        const std::uint32_t to = pick(from + 1, (lost->end - kBase).value);
                        for (std::uint32_t i = from; i < to; ++i) {
                            EXPECT_EQ(slow[i], State::lost);
                            slow[i] = State::in_flight;
                        }
                        s.resent(lost->first, at(to), now);
                    }
            }
            const auto end = static_cast<std::uint32_t>(slow.size());
            ASSERT_TRUE(s.consistent(at(una), at(end))) << seed << " " << step;
            std::uint32_t i = una;
            for (const SentRange& r : s.ranges()) {
                for (; at(i) != r.end; ++i) ASSERT_EQ(slow[i], r.state) << seed << " " << step;
            }
        }
    }
}

}  // namespace scoreboard_test
}  // namespace kyu::net
