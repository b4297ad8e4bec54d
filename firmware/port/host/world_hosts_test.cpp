// A world as its hosts and its driver see it: what arrives spoilt, when it stops, whose clock shows
// what (world_test.cpp: wires and hubs).
#include <gtest/gtest.h>

#include "port/host/world.hpp"

namespace kyu::host {
namespace world_hosts_test {

using kyu::time_literals::operator""_us;
using kyu::time_literals::operator""_ms;

Bytes frame_of(std::size_t size, std::size_t first = 0) {
    Bytes frame(size);
    for (std::size_t i = 0; i < size; ++i) frame[i] = static_cast<std::byte>(first + i);
    return frame;
}

Fates given(const Fate& fate) { return Fates::given({fate}); }

Instant at_us(std::int64_t us) { return Instant::from_us(us); }

/// Two scripts; what `left` sends has the fates that the test chose.
struct Pair {
    ScriptedPeer left{"left"};
    ScriptedPeer right{"right"};
    World world;
    explicit Pair(Fates to_right) {
        world.join(left);
        world.join(right);
        world.wire(left, right, std::move(to_right), Fates::given({}));
    }
    Bytes after_a_moment() {
        world.run_for(1_ms);
        return right.inbox().empty() ? Bytes{} : right.inbox().front().frame;
    }
};

/// A host that does something at given times, and may fall over.
class Clockwork final : public Host {
    std::vector<Instant> due_;
    bool fragile_;
    bool crashed_{false};

public:
    Instant clock{};
    std::vector<Instant> done;
    Clockwork(std::string name, std::vector<Instant> due, bool fragile = false)
        : Host(std::move(name)), due_(std::move(due)), fragile_(fragile) {}
    void receive(Instant /*now*/, std::span<const std::byte> /*frame*/) override {}
    void run_until(Instant now) override {
        clock = now;
        while (!due_.empty() && due_.front() <= now) {
            done.push_back(now);
            due_.erase(due_.begin());
            crashed_ = fragile_;
        }
    }
    [[nodiscard]] Instant next_event() const override {
        return due_.empty() ? Instant::never() : due_.front();
    }
    [[nodiscard]] bool crashed() const override { return crashed_; }
    void counters(const std::function<void(std::string_view, std::uint64_t)>& /*f*/) override {}
};

TEST(World, ADroppedFrameNeverArrivesAndTheNextOneDoes) {
    Pair pair{given({.drop = true})};
    pair.left.send(frame_of(60, 1));
    pair.left.send(frame_of(60, 2));
    EXPECT_EQ(pair.after_a_moment(), frame_of(60, 2));
    EXPECT_EQ(pair.right.inbox().size(), 1U);
}

TEST(World, AnOvertakenFrameArrivesLater) {
    Pair pair{given({.delay = 90_us})};
    pair.left.send(frame_of(60, 1));
    pair.left.send(frame_of(60, 2));
    EXPECT_EQ(pair.after_a_moment(), frame_of(60, 2));
    EXPECT_EQ(pair.right.inbox()[1].frame, frame_of(60, 1));
}

TEST(World, ADuplicateIsTheSameFrameOnceMoreSpoiltOrNot) {
    Pair pair{given({.corrupt_bit = 0, .duplicate = true, .duplicate_delay = 70_us})};
    pair.left.send(frame_of(60));
    Bytes expected = frame_of(60);
    expected[0] ^= std::byte{0x80};
    EXPECT_EQ(pair.after_a_moment(), expected);
    ASSERT_EQ(pair.right.inbox().size(), 2U);
    EXPECT_EQ(pair.right.inbox()[1].frame, expected);
    EXPECT_EQ(pair.right.inbox()[1].at, at_us(70));
}

TEST(World, ACorruptFrameDiffersInTheOneBit) {
    Pair pair{given({.corrupt_bit = 8 * 3 + 1})};
    pair.left.send(frame_of(60));
    Bytes expected = frame_of(60);
    expected[3] ^= std::byte{0x40};
    EXPECT_EQ(pair.after_a_moment(), expected);
}

TEST(World, ATruncatedFrameLosesItsTailAndABitBeyondItIsNoMatter) {
    Pair pair{given({.corrupt_bit = 8 * 50, .truncate_to = 20})};
    pair.left.send(frame_of(60));
    EXPECT_EQ(pair.after_a_moment(), frame_of(20));
}

TEST(World, WhatTheWireDidToAFrameIsInTheHash) {
    const auto hash_of = [](const Fate& fate) {
        Pair pair{given(fate)};
        pair.left.send(frame_of(60));
        pair.after_a_moment();
        return pair.world.hash();
    };
    const std::uint64_t whole = hash_of({});
    EXPECT_EQ(whole, hash_of({}));
    EXPECT_NE(whole, hash_of({.drop = true}));
    EXPECT_NE(whole, hash_of({.delay = 1_us}));
    EXPECT_NE(whole, hash_of({.corrupt_bit = 479}));
    EXPECT_NE(whole, hash_of({.truncate_to = 59}));
    EXPECT_NE(whole, hash_of({.duplicate = true}));
}

TEST(World, AHostWithoutAWireSendsToNobody) {
    ScriptedPeer alone{"alone"};
    World world;
    world.join(alone);
    alone.send(frame_of(60));
    EXPECT_EQ(world.run_until(Instant::never()), WorldStop::idle);
    EXPECT_EQ(world.fates_to(alone), nullptr);
}

TEST(World, StopsWhenAskedTo) {
    Pair pair{Fates::from_seed({.delay = 100_us}, 1)};
    pair.left.send(frame_of(60));
    EXPECT_EQ(pair.world.run_for(1_ms, [&] { return !pair.right.inbox().empty(); }),
              WorldStop::asked);
    EXPECT_EQ(pair.world.now(), at_us(100));
}

TEST(World, ACrashStopsTheCallThatSawItAndNoLaterOne) {
    Clockwork bad{"bad", {at_us(10), at_us(20)}, true};
    Clockwork sound{"sound", {at_us(10), at_us(30)}};
    World world;
    world.join(bad);
    world.join(sound);
    const std::uint64_t before = world.hash();
    EXPECT_EQ(world.run_for(1_ms), WorldStop::crashed);
    EXPECT_EQ(world.now(), at_us(10));
    EXPECT_NE(world.hash(), before) << "a crash is an event";
    EXPECT_EQ(world.run_until(at_us(1000)), WorldStop::limit) << "the others go on";
    EXPECT_EQ(bad.done.size(), 1U);
    EXPECT_EQ(sound.done, (std::vector<Instant>{at_us(10), at_us(30)}));
}

TEST(World, EveryClockIsRightWhenTheDriverHasControl) {
    Clockwork busy{"busy", {at_us(10), at_us(500)}};
    Clockwork quiet{"quiet", {}};
    World world;
    world.join(busy);
    world.join(quiet);
    EXPECT_TRUE(world.step());
    EXPECT_EQ(quiet.clock, at_us(10));
    world.run_until(at_us(300));
    EXPECT_EQ(busy.clock, at_us(300));
    EXPECT_EQ(quiet.clock, at_us(300));
    EXPECT_TRUE(world.step());
    EXPECT_FALSE(world.step()) << "nothing is left to happen";
}

}  // namespace world_hosts_test
}  // namespace kyu::host
