#include "port/host/fates.hpp"

#include <gtest/gtest.h>

namespace kyu::host {
namespace fates_test {

constexpr Duration kDelay = Duration::from_us(200);

std::vector<Fate> draw(Fates fates, std::size_t count, std::size_t frame_bytes = 1000) {
    fates.record(true);
    for (std::size_t i = 0; i < count; ++i) fates.next(frame_bytes, Instant{});
    return fates.recorded();
}

FatePlan everything() {
    return {.delay = kDelay,
            .jitter = Duration::from_us(90),
            .loss = Chance::of(0.1),
            .burst_start = Chance::of(0.01),
            .burst_end = Chance::of(0.3),
            .duplicate = Chance::of(0.1),
            .reorder = Chance::of(0.1),
            .corrupt = Chance::of(0.1),
            .truncate = Chance::of(0.1)};
}

TEST(Chance, IsNeverBelowZeroAndAlwaysFromOneOn) {
    EXPECT_FALSE(Chance::of(0.0).hits(0));
    EXPECT_FALSE(Chance::of(-1.0).possible());
    EXPECT_TRUE(Chance::of(1.0).hits(0xFFFF'FFFFU));
    EXPECT_EQ(Chance::of(2.0), Chance::of(1.0));
    EXPECT_TRUE(Chance::of(0.5).hits(0x7FFF'FFFFU));
    EXPECT_FALSE(Chance::of(0.5).hits(0x8000'0000U));
}

TEST(SplitMix, GivesThePublishedNumbersOfSeed1234567) {
    SplitMix random{1234567};
    EXPECT_EQ(random.next_u64(), 6457827717110365317U);
    EXPECT_EQ(random.next_u64(), 3203168211198807973U);
    EXPECT_EQ(random.below(0), 0U) << "nothing to choose from";
}

TEST(Fates, AGoodWireOnlyDelays) {
    for (const Fate& fate : draw(Fates::from_seed({.delay = kDelay}, 1), 100)) {
        EXPECT_EQ(fate, Fate{.delay = kDelay});
    }
}

TEST(Fates, ASeedIsTheSameFatesAndAnotherSeedOthers) {
    EXPECT_EQ(draw(Fates::from_seed(everything(), 7), 1000),
              draw(Fates::from_seed(everything(), 7), 1000));
    EXPECT_NE(draw(Fates::from_seed(everything(), 7), 1000),
              draw(Fates::from_seed(everything(), 8), 1000));
}

TEST(Fates, WhatWasRecordedCanBeGivenAgainAndThenTheWireIsGood) {
    const std::vector<Fate> recorded = draw(Fates::from_seed(everything(), 3), 50);
    std::vector<Fate> again = draw(Fates::given(recorded, {.delay = kDelay}), 51);
    EXPECT_EQ(again.back(), Fate{.delay = kDelay});
    again.pop_back();
    EXPECT_EQ(again, recorded);
}

TEST(Fates, TheDeparturesWithPlainFatesInBetweenAreTheSameWire) {
    Fates drawn = Fates::from_seed(everything(), 3);
    const std::vector<Fate> recorded = draw(drawn, 200);
    drawn.record(true);
    for (int i = 0; i < 200; ++i) drawn.next(1000, Instant{});
    std::vector<Fate> again(200, Fate{.delay = kDelay});
    for (const auto& [number, fate] : drawn.departures()) {
        EXPECT_NE(fate, Fate{.delay = kDelay}) << "not worth a word";
        again.at(number) = fate;
    }
    EXPECT_EQ(again, recorded);
}

TEST(Fates, AWireThatHasBecomeCalmOnlyDelays) {
    for (Fates fates :
         {Fates::from_seed(everything(), 3),
          Fates::given(std::vector<Fate>(9, Fate{.drop = true}), {.delay = kDelay})}) {
        fates.next(1000, Instant{});
        fates.calm();
        for (const Fate& fate : draw(fates, 100)) EXPECT_EQ(fate, Fate{.delay = kDelay});
    }
}

TEST(Fates, EveryFateStaysInsideTheFrame) {
    for (const std::size_t bytes : {0UL, 1UL, 14UL, 15UL, 60UL, 1514UL}) {
        for (const Fate& fate : draw(Fates::from_seed(everything(), bytes), 2000, bytes)) {
            EXPECT_LT(fate.corrupt_bit, std::max<std::int32_t>(1, static_cast<int>(bytes * 8)));
            EXPECT_LE(fate.truncate_to, static_cast<std::int32_t>(bytes));
            EXPECT_GE(fate.delay, kDelay);
        }
    }
}

TEST(Fates, LossIsAsFrequentAsPlanned) {
    const auto fates = draw(Fates::from_seed({.loss = Chance::of(0.25)}, 5), 40'000);
    const auto lost = std::ranges::count_if(fates, &Fate::drop);
    EXPECT_GT(lost, 9'600);
    EXPECT_LT(lost, 10'400);
}

TEST(Fates, ABurstLosesFramesInARow) {
    const FatePlan plan{.burst_start = Chance::of(0.01), .burst_end = Chance::of(0.1)};
    std::size_t lost = 0;
    std::size_t begun = 0;
    bool before = false;
    for (const Fate& fate : draw(Fates::from_seed(plan, 5), 40'000)) {
        if (fate.drop) ++lost;
        if (fate.drop && !before) ++begun;
        before = fate.drop;
    }
    EXPECT_GT(lost, 8 * begun) << "ten in a row on average";
    EXPECT_LT(lost, 12 * begun);
}

TEST(Fates, ABurstEndsWhereTheWireIsSilent) {
    const auto at = [](std::int64_t us) { return Instant::from_us(us); };
    const FatePlan plan{.burst_start = Chance::of(0.5), .burst_end = Chance::of(1e-9)};
    Fates fates = Fates::from_seed(plan, 3);
    std::int64_t now = 0;
    while (!fates.next(100, at(now)).drop) ++now;
    for (int n = 0; n < 1000; ++n) {
        now += kBurstQuiet.us() - 1;
        EXPECT_TRUE(fates.next(100, at(now)).drop) << "a frame before it is over goes on with it";
    }
    int passed = 0;
    for (int n = 0; n < 1000; ++n) {
        now += kBurstQuiet.us();
        passed += fates.next(100, at(now)).drop ? 0 : 1;
    }
    EXPECT_GT(passed, 400) << "after a silence it is as likely as at first";
    EXPECT_LT(passed, 600);
}

TEST(Fates, AFlapDropsFromItsBeginningUntilJustBeforeItsEnd) {
    const auto at = [](std::int64_t us) { return Instant::from_us(us); };
    Fates fates = Fates::from_seed({.flaps = {{at(10), at(20)}, {at(30), at(31)}}}, 1);
    EXPECT_FALSE(fates.next(100, at(9)).drop);
    EXPECT_TRUE(fates.next(100, at(10)).drop);
    EXPECT_TRUE(fates.next(100, at(19)).drop);
    EXPECT_FALSE(fates.next(100, at(20)).drop);
    EXPECT_TRUE(fates.next(100, at(30)).drop);
    EXPECT_FALSE(fates.next(100, at(31)).drop);
}

}  // namespace fates_test
}  // namespace kyu::host
