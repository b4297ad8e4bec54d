// Receiving: what comes off the wire comes out of the driver, in order, whatever the device does.
#include "drivers/emac/bench_test_support.hpp"

namespace kyu::emac::test {
namespace receive_test {

class Receive : public BothCharacters {};
INSTANTIATE_TEST_SUITE_P(Device, Receive, ::testing::Values(Character::qemu, Character::silicon),
                         ::testing::PrintToStringParamName());

TEST_P(Receive, FramesOfEverySizeComeOutAsTheyWentIn) {
    for (const std::size_t size :
         {60U, 64U, 65U, 103U, 104U, 105U, 127U, 128U, 1000U, 1513U, 1514U}) {
        const Bytes frame = frame_of(size, 1);
        bench.model.deliver(frame);
        const auto got = bench.service();
        ASSERT_EQ(got.size(), 1U) << size;
        // QEMU says 64 for whatever is shorter; the rest is nobody's (h3.md §0 fact 7).
        ASSERT_GE(got[0].size(), size);
        EXPECT_LE(got[0].size(), std::max<std::size_t>(size, 64));
        EXPECT_TRUE(std::equal(frame.begin(), frame.end(), got[0].begin())) << size;
    }
    EXPECT_EQ(bench.pool.cluster_stats().used, bench.idle_clusters);
}

TEST_P(Receive, ManyTurnsOfTheRingKeepTheOrder) {
    unsigned next = 0;
    for (unsigned round = 0; round < 100; ++round) {
        const unsigned burst = 1 + round % 7;  // less than a ring
        for (unsigned i = 0; i < burst; ++i) bench.model.deliver(frame_of(60 + i * 200, next + i));
        const auto got = bench.service();
        ASSERT_EQ(got.size(), burst) << "round " << round;
        for (unsigned i = 0; i < burst; ++i) {
            const Bytes want = frame_of(60 + i * 200, next + i);
            ASSERT_TRUE(std::equal(want.begin(), want.end(), got[i].begin())) << "round " << round;
        }
        next += burst;
    }
    EXPECT_EQ(bench.device.stats().rx_frames, next);
    EXPECT_EQ(bench.model.lost, 0U);
}

TEST_P(Receive, WhatIsShownStaysUntilItIsTakenOrDropped) {
    EXPECT_TRUE(bench.device.peek().empty());
    unsigned next = 0;
    for (unsigned round = 0; round < 50; ++round) {
        for (unsigned i = 0; i < 6; ++i) bench.model.deliver(frame_of(64 + i * 200, next + i));
        ASSERT_TRUE(bench.model.interrupt_line());
        bench.device.acknowledge();
        for (unsigned i = 0; i < 6; ++i) {
            const Bytes want = frame_of(64 + i * 200, next + i);
            for (int again = 0; again < 2; ++again) {
                const auto shown = bench.device.peek();
                ASSERT_EQ((Bytes{shown.begin(), shown.end()}), want) << next + i;
            }
            if ((round + i) % 3 == 0) {
                ASSERT_EQ(bytes_of(bench.device.receive(bench.pool)), want);
            } else {
                bench.device.discard();
            }
        }
        next += 6;
        EXPECT_FALSE(bench.device.receive_done());
    }
    EXPECT_EQ(bench.device.stats().rx_frames, next);
    EXPECT_EQ(bench.pool.cluster_stats().used, bench.idle_clusters);
    for (std::size_t i = 0; i < kBenchRxSlots; ++i) {
        EXPECT_EQ(bench.rx_slot(i).status, Status::Own::mask) << i;
    }
}

TEST_P(Receive, AShownFrameWithoutMemoryIsDroppedAndNoOtherComesInItsPlace) {
    bench.model.deliver(frame_of(1514, 1));
    bench.model.deliver(frame_of(66, 2));
    ASSERT_TRUE(bench.model.interrupt_line());
    bench.device.acknowledge();
    ASSERT_EQ(bench.device.peek().size(), 1514U);
    auto held = bench.starve_clusters();
    EXPECT_FALSE(bench.device.receive(bench.pool)) << "not the second: it was not asked for";
    EXPECT_EQ(bench.device.stats().rx_no_buffer, 1U);
    EXPECT_EQ(bytes_of(bench.device.receive(bench.pool)), frame_of(66, 2));
}

TEST_P(Receive, FreshBuffersFullOfOldWritesDoNotShowThrough) {
    for (unsigned n = 0; n < 60; ++n) {  // every cluster of the pool gets its turn
        bench.model.deliver(frame_of(1514, n));
        const auto got = bench.service();
        ASSERT_EQ(got.size(), 1U);
        ASSERT_EQ(got[0], frame_of(1514, n)) << n;
        // The stack writes into what it has received and gives it back dirty.
        net::Mbuf used = bench.pool.allocate_cluster(net::Reserve::use);
        std::ranges::fill(used.writable_front(), static_cast<std::byte>(n));
    }
}

TEST_P(Receive, DamagedFramesAreDroppedAndCounted) {
    std::uint64_t errors = 0;
    for (std::uint32_t bit = 1; bit != 0; bit <<= 1U) {
        if ((RxStatus::kErrors & bit) == 0) continue;
        bench.model.receive_flaws = bit;
        bench.model.deliver(frame_of(200, 1));
        EXPECT_TRUE(bench.service().empty()) << std::hex << bit;
        EXPECT_EQ(bench.device.stats().rx_errors, ++errors);
    }
    bench.model.deliver(frame_of(200, 2));
    EXPECT_EQ(bench.service().size(), 1U) << "and the ring goes on";
}

TEST_P(Receive, NonsenseInADescriptorIsAnErrorNotACrash) {
    const std::uint32_t whole = RxStatus::kWhole;
    std::size_t slot = 0;
    for (const std::uint32_t status :
         {0U, whole, whole | RxStatus::Length::of(17), whole | RxStatus::Length::of(2045),
          whole | RxStatus::Length::of(16383), RxStatus::First::mask | RxStatus::Length::of(100),
          RxStatus::Last::mask | RxStatus::Length::of(100), 0x7FFF'FFFFU}) {
        bench.rx_slot(slot % kBenchRxSlots).status = status;
        EXPECT_FALSE(bench.device.receive(bench.pool)) << std::hex << status;
        EXPECT_EQ(bench.rx_slot(slot % kBenchRxSlots).status, Status::Own::mask) << "armed again";
        EXPECT_EQ(bench.device.stats().rx_errors, ++slot);
    }
}

TEST_P(Receive, WithoutClustersBigFramesAreDroppedAndAcksStillPass) {
    auto held = bench.starve_clusters();
    for (unsigned n = 0; n < 3 * kBenchRxSlots; ++n) {
        bench.model.deliver(frame_of(1514, n));
        EXPECT_TRUE(bench.service().empty());
        bench.model.deliver(frame_of(66, n));
        EXPECT_EQ(bench.service().size(), 1U);
    }
    EXPECT_EQ(bench.device.stats().rx_no_buffer, 3 * kBenchRxSlots);
    held.clear();
    bench.model.deliver(frame_of(1514, 7));
    const auto got = bench.service();
    ASSERT_EQ(got.size(), 1U) << "reception resumes with the first free cluster";
    EXPECT_EQ(got[0], frame_of(1514, 7));
}

TEST_P(Receive, AcksMayUseTheReserve) {
    std::vector<net::Mbuf> held;
    while (net::Mbuf m = bench.pool.allocate(10)) held.push_back(std::move(m));
    bench.model.deliver(frame_of(1514, 1));
    EXPECT_TRUE(bench.service().empty());
    bench.model.deliver(frame_of(66, 2));
    EXPECT_EQ(bench.service().size(), 1U) << "it is what gives memory back";
}

TEST_P(Receive, WithNoMemoryAtAllEverySlotStaysArmed) {
    auto held = bench.starve_clusters();
    while (net::Mbuf m = bench.pool.allocate(10, net::Reserve::use)) held.push_back(std::move(m));
    for (unsigned n = 0; n < 5 * kBenchRxSlots; ++n) {
        bench.model.deliver(frame_of(n % 2 == 0 ? 60 : 1514, n));
        EXPECT_TRUE(bench.service().empty());
    }
    EXPECT_EQ(bench.device.stats().rx_no_buffer, 5 * kBenchRxSlots);
    held.clear();
    for (std::size_t i = 0; i < kBenchRxSlots; ++i) {
        EXPECT_EQ(bench.rx_slot(i).status, Status::Own::mask) << i;
    }
    bench.model.deliver(frame_of(500, 9));
    EXPECT_EQ(bench.service().size(), 1U);
}

// ---- Interrupts ----

TEST_P(Receive, OneInterruptForABurst) {
    bench.model.deliver(frame_of(100, 1));
    EXPECT_TRUE(bench.model.interrupt_line());
    bench.device.acknowledge();
    for (unsigned n = 2; n < 6; ++n) {
        bench.model.deliver(frame_of(100, n));
        EXPECT_FALSE(bench.model.interrupt_line()) << "masked until the thread has drained";
    }
    EXPECT_EQ(bench.drain().size(), 5U);
    EXPECT_FALSE(bench.model.interrupt_line()) << "nothing waits";
    bench.model.deliver(frame_of(100, 6));
    EXPECT_TRUE(bench.model.interrupt_line()) << "and the next frame is told again";
}

TEST_P(Receive, AFrameThatComesWhileTheThreadEndsItsRoundIsNotForgotten) {
    bench.model.deliver(frame_of(100, 1));
    bench.device.acknowledge();
    EXPECT_TRUE(bench.device.receive(bench.pool));
    EXPECT_FALSE(bench.device.receive(bench.pool));
    bench.model.deliver(frame_of(100, 2));
    EXPECT_TRUE(bench.device.receive_done()) << "it says: look again";
    bench.model.deliver(frame_of(100, 3));
    EXPECT_FALSE(bench.model.interrupt_line()) << "the thread is still at it";
    EXPECT_TRUE(bench.device.receive(bench.pool));
    EXPECT_TRUE(bench.device.receive(bench.pool));
    EXPECT_FALSE(bench.device.receive_done());
}

TEST_P(Receive, ASpuriousInterruptIsNone) {
    EXPECT_EQ(bench.device.acknowledge(), 0U);
    EXPECT_EQ(bench.device.counters().interrupts, 0U);
}

// ---- Running dry ----

/// Fills the ring from wherever the driver stands and `extra` frames beyond it.
std::vector<Bytes> flood(Bench& bench, unsigned stand, unsigned extra) {
    for (unsigned n = 0; n < stand; ++n) {
        bench.model.deliver(frame_of(60, n));
        bench.service();
    }
    std::vector<Bytes> frames;
    for (unsigned n = 0; n < kBenchRxSlots + extra; ++n) {
        frames.push_back(frame_of(200 + n, 100 + n));
        bench.model.deliver(frames.back());
    }
    return frames;
}

TEST(ReceiveQemu, ExhaustionLosesNothingAndKeepsTheOrder) {
    for (unsigned stand = 0; stand < kBenchRxSlots; ++stand) {
        Bench bench(Character::qemu);
        bench.start();
        const auto want = flood(bench, stand, 20);
        EXPECT_GT(bench.model.backlog(), 0U);
        EXPECT_EQ(bench.service(), want) << "standing at slot " << stand;
        EXPECT_GT(bench.device.stats().rx_exhausted, 0U);
        bench.model.deliver(frame_of(300, 1));
        EXPECT_EQ(bench.service().size(), 1U) << "not deaf afterwards";
    }
}

TEST(ReceiveQemu, ADriverThatNeverStartsTheReceiverAgainStaysDeaf) {
    Bench bench(Character::qemu, PlantedBug{MissionBug::deaf_receiver});
    bench.start();
    bench.model.deliver(frame_of(300, 1));
    EXPECT_EQ(bench.service().size(), 1U) << "it hears well until its ring runs full";
    flood(bench, 0, 20);
    bench.service();
    for (unsigned n = 0; n < 3; ++n) {
        bench.model.deliver(frame_of(300, n));
        EXPECT_EQ(bench.service().size(), kMissionBugs ? 0U : 1U);
    }
}

TEST(ReceiveQemu, TheBacklogWaitsUntilTheFullRingIsRead) {
    for (unsigned stand = 0; stand < kBenchRxSlots; ++stand) {
        for (unsigned first = 1; first < kBenchRxSlots; ++first) {
            Bench bench(Character::qemu);
            bench.start();
            const auto want = flood(bench, stand, 20);
            bench.device.acknowledge();
            std::vector<Bytes> got;
            for (unsigned n = 0; n < first; ++n) {
                got.push_back(bytes_of(bench.device.receive(bench.pool)));
            }
            EXPECT_TRUE(bench.device.receive_done()) << "a budget ends in the middle";
            for (auto& frame : bench.drain()) got.push_back(std::move(frame));
            EXPECT_EQ(got, want) << "standing at slot " << stand << ", first " << first;
        }
    }
}

TEST(ReceiveQemu, AStallWhileInterruptsAreMaskedIsSeenInTime) {
    for (unsigned stand = 0; stand < kBenchRxSlots; ++stand) {
        Bench bench(Character::qemu);
        bench.start();
        for (unsigned n = 0; n < stand; ++n) bench.model.deliver(frame_of(60, n));
        bench.service();
        std::vector<Bytes> want{frame_of(200, 0)};
        bench.model.deliver(want.back());
        bench.device.acknowledge();
        for (unsigned n = 1; n < kBenchRxSlots + 5; ++n) {
            want.push_back(frame_of(200, n));
            bench.model.deliver(want.back());
        }
        std::vector<Bytes> got;
        for (unsigned n = 0; n < 4; ++n) {
            got.push_back(bytes_of(bench.device.receive(bench.pool)));
        }
        EXPECT_TRUE(bench.device.receive_done());
        for (auto& frame : bench.drain()) got.push_back(std::move(frame));
        EXPECT_EQ(got, want) << "standing at slot " << stand;
    }
}

TEST(ReceiveQemu, FramesThatArriveWhileSlotsAreArmedAreNotLost) {
    // The backend delivers between any two instructions of the driver.
    for (unsigned stand = 0; stand < kBenchRxSlots; ++stand) {
        Bench bench(Character::qemu);
        bench.start();
        auto want = flood(bench, stand, 3);
        unsigned more = 0;
        bench.model.between = [&] {
            if (more >= 50) return;
            want.push_back(frame_of(900, 200 + more++));
            bench.model.deliver(want.back());
        };
        auto got = bench.service();
        std::ranges::sort(want);
        std::ranges::sort(got);
        EXPECT_EQ(got, want) << "standing at slot " << stand;
    }
}

TEST(ReceiveQemu, AFrameThatFillsItsBufferIsAnErrorAndFreesTheSlot) {
    Bench bench(Character::qemu);
    bench.start();
    bench.model.deliver(frame_of(2044, 1));
    EXPECT_TRUE(bench.service().empty());
    EXPECT_EQ(bench.device.stats().rx_errors, 1U);
    bench.model.deliver(frame_of(100, 2));
    EXPECT_EQ(bench.service().size(), 1U);
}

TEST(ReceiveQemu, AnIdleRoundRingsNoDoorbell) {
    Bench bench(Character::qemu);
    bench.start();
    const auto before = bench.model.receive_kicks;
    EXPECT_FALSE(bench.device.receive_done());
    EXPECT_EQ(bench.model.receive_kicks, before);
    for (unsigned n = 0; n < 5; ++n) bench.model.deliver(frame_of(100, n));
    bench.service();
    EXPECT_EQ(bench.model.receive_kicks, before + 1) << "one for a batch";
}

TEST(ReceiveSilicon, ASlotIsCompleteBeforeItIsGivenAway) {
    Bench bench(Character::silicon);
    bench.start();
    auto want = flood(bench, 3, 0);
    unsigned more = 0;
    // The device has run dry and takes each slot in the very moment that it may.
    bench.model.between = [&] {
        if (more >= 3 * kBenchRxSlots) return;
        want.push_back(frame_of(1200, 200 + more++));
        bench.model.deliver(want.back());
    };
    EXPECT_EQ(bench.service(), want);
    EXPECT_EQ(bench.model.lost, 0U);
}

TEST(ReceiveSilicon, AFrameThatComesJustBeforeTheStopKeepsItsPlace) {
    for (unsigned stand = 0; stand < kBenchRxSlots; ++stand) {
        Bench bench(Character::silicon);
        bench.start();
        auto want = flood(bench, stand, 0);
        bench.model.raise(Interrupt::RxBufferUnavailable::mask);
        bool once = true;
        bench.model.before_stop = [&] {
            if (!std::exchange(once, false)) return;
            want.push_back(frame_of(1200, 200));
            bench.model.deliver(want.back());
        };
        EXPECT_EQ(bench.service(), want) << "standing at slot " << stand;
        for (unsigned n = 0; n < 2 * kBenchRxSlots; ++n) {
            bench.model.deliver(frame_of(300, n));
            EXPECT_EQ(bench.service(), std::vector<Bytes>{frame_of(300, n)});
        }
    }
}

TEST(ReceiveSilicon, AfterExhaustionReceptionGoesOnWhereItStopped) {
    for (unsigned stand = 0; stand < kBenchRxSlots; ++stand) {
        Bench bench(Character::silicon);
        bench.start();
        auto want = flood(bench, stand, 5);
        want.resize(kBenchRxSlots);
        EXPECT_EQ(bench.service(), want) << "what found a slot comes out";
        EXPECT_EQ(bench.model.lost, 5U);
        for (unsigned n = 0; n < 2 * kBenchRxSlots; ++n) {
            bench.model.deliver(frame_of(1000, n));
            const auto got = bench.service();
            ASSERT_EQ(got.size(), 1U) << "standing at slot " << stand << ", frame " << n;
            EXPECT_EQ(got[0], frame_of(1000, n));
        }
        EXPECT_EQ(bench.device.counters().receive_stop_timeouts, 0U);
    }
}

TEST(ReceiveSilicon, ADeviceThatDoesNotStopKeepsItsPlace) {
    Bench bench(Character::silicon);
    bench.start();
    bench.model.receiver_never_stops = true;
    const auto rewrites = bench.model.list_rewrites;
    flood(bench, 3, 2);
    EXPECT_EQ(bench.service().size(), kBenchRxSlots);
    EXPECT_EQ(bench.model.list_rewrites, rewrites) << "its list is left alone";
    EXPECT_EQ(bench.device.counters().receive_stop_timeouts, 1U);
    bench.model.deliver(frame_of(100, 1));
    EXPECT_EQ(bench.service().size(), 1U);
}

}  // namespace receive_test
}  // namespace kyu::emac::test
