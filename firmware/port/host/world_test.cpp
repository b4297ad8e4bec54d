#include "port/host/world.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace kyu::host {
namespace world_test {

Bytes frame(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

// Two scripts on a wire; whatever `left` sends, `right` gets by the given fates.
struct Pair {
    ScriptedPeer left{"left"};
    ScriptedPeer right{"right"};
    World world;

    explicit Pair(Fates left_to_right) {
        world.join(left);
        world.join(right);
        world.wire(left, right, std::move(left_to_right), Fates::given({}));
    }
    // What `right` has got: text and time of each.
    std::vector<std::pair<std::string, std::int64_t>> run() {
        world.run_until(Instant::never());
        std::vector<std::pair<std::string, std::int64_t>> got;
        for (const auto& [at, bytes] : right.inbox()) {
            got.emplace_back(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                             at.us());
        }
        return got;
    }
};

using Got = std::vector<std::pair<std::string, std::int64_t>>;

TEST(World, AFrameArrivesAfterTheDelayOfItsWire) {
    Pair pair{Fates::given({}, {.delay = Duration::from_us(300)})};
    pair.left.send(frame("hello"));
    EXPECT_EQ(pair.run(), (Got{{"hello", 300}}));
    EXPECT_EQ(pair.world.now().us(), 300);
}

TEST(World, ARateKeepsFramesApart) {
    Pair pair{Fates::given({}, {.rate_bytes_per_s = 1'000'000})};
    pair.left.send(frame("0123456789"));
    pair.left.send(frame("0123456789"));
    EXPECT_EQ(pair.run(), (Got{{"0123456789", 10}, {"0123456789", 20}}));
}

TEST(World, GivenFatesAreCarriedOutToTheLetter) {
    Pair pair{Fates::given({
        {.drop = true},
        {.delay = Duration::from_us(9), .corrupt_bit = 7},
        {.truncate_to = 2},
        {.duplicate = true, .duplicate_delay = Duration::from_us(4)},
    })};
    for (const char* text : {"lost", "bit!", "tail", "twin"}) pair.left.send(frame(text));
    EXPECT_EQ(pair.run(), (Got{{"ta", 0}, {"twin", 0}, {"twin", 4}, {"cit!", 9}}));
}

TEST(World, WhoWatchesSeesWhatArrivesAndWhatIsLostByItsNumber) {
    const std::vector<Fate> fates{{.corrupt_bit = 7}, {.drop = true}, {.duplicate = true}};
    Pair watched{Fates::given(fates)};
    Pair alone{Fates::given(fates)};
    std::vector<std::string> seen;
    watched.world.watch([&seen](const Passage& p) {
        seen.push_back(std::to_string(p.number) + p.from->name().front() + p.to->name().front() +
                       (p.lost      ? " lost "
                        : p.spoiled ? " spoiled "
                                    : " ") +
                       std::string(reinterpret_cast<const char*>(p.frame.data()), p.frame.size()));
    });
    for (Pair* pair : {&watched, &alone}) {
        for (const char* text : {"bit!", "gone", "twin"}) pair->left.send(frame(text));
        pair->run();
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"1lr lost gone", "0lr spoiled cit!", "2lr twin",
                                              "2lr twin"}));
    EXPECT_EQ(watched.world.hash(), alone.world.hash());
}

TEST(World, CountsWhatArrivesSpoiledAndWhichOfItIsArp) {
    Bytes arp(42, std::byte{0});
    arp[12] = std::byte{0x08};
    arp[13] = std::byte{0x06};
    Pair pair{Fates::given({{},
                            {.corrupt_bit = 200},
                            {.truncate_to = 20, .duplicate = true},
                            {.corrupt_bit = 100},
                            {.truncate_to = 42}})};
    for (int i = 0; i < 5; ++i) pair.left.send(arp);
    pair.run();
    EXPECT_EQ(pair.world.spoiled(pair.right).frames, 4U) << "the last one is whole";
    EXPECT_EQ(pair.world.spoiled(pair.right).arp, 3U) << "the fourth has another type now";
    EXPECT_EQ(pair.world.spoiled(pair.left).frames, 0U);
}

TEST(World, WiresThatHaveBecomeCalmDoNoMoreHarm) {
    Pair pair{Fates::given(std::vector<Fate>(4, Fate{.drop = true}))};
    pair.left.send(frame("lost"));
    pair.world.calm();
    pair.left.send(frame("kept"));
    EXPECT_EQ(pair.run(), (Got{{"kept", 0}}));
}

TEST(World, FramesOfTheSameInstantKeepTheirOrder) {
    Pair pair{Fates::given({})};
    for (const char* text : {"1", "2", "3", "4", "5"}) pair.left.send(frame(text));
    EXPECT_EQ(pair.run(), (Got{{"1", 0}, {"2", 0}, {"3", 0}, {"4", 0}, {"5", 0}}));
}

TEST(World, AHubTellsEverybodyButTheSender) {
    ScriptedPeer a{"a"};
    ScriptedPeer b{"b"};
    ScriptedPeer c{"c"};
    World world;
    for (ScriptedPeer* each : {&a, &b, &c}) world.join(*each);
    const std::array<Host*, 3> all{&a, &b, &c};
    world.hub(all, {Fates::given({}), Fates::given({}), Fates::given({})});
    b.send(frame("x"));
    world.run_until(Instant::never());
    EXPECT_EQ(a.inbox().size(), 1U);
    EXPECT_EQ(b.inbox().size(), 0U);
    EXPECT_EQ(c.inbox().size(), 1U);
}

TEST(Fates, AreTheSameOnEveryMachineAndInEveryBuild) {
    Fates fates = Fates::from_seed(
        {.jitter = Duration::from_us(1000), .loss = Chance::of(0.25), .corrupt = Chance::of(0.25)},
        12345);
    EventHash hash;
    for (int i = 0; i < 1000; ++i) {
        const Fate fate = fates.next(1514, Instant{});
        hash.add(fate.drop ? EventKind::lost : EventKind::sent, Instant{} + fate.delay,
                 static_cast<std::uint32_t>(fate.corrupt_bit + 1));
    }
    EXPECT_EQ(hash.value(), 9'855'275'016'427'400'988U);
}

}  // namespace world_test
}  // namespace kyu::host
