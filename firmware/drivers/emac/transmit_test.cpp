// Sending: what the stack hands over goes out whole, once, in order, and its memory comes back.
#include "drivers/emac/bench_test_support.hpp"

namespace kyu::emac::test {
namespace transmit_test {

constexpr std::uint8_t kArp = 0x06;

class Transmit : public BothCharacters {};
INSTANTIATE_TEST_SUITE_P(Device, Transmit, ::testing::Values(Character::qemu, Character::silicon),
                         ::testing::PrintToStringParamName());

TEST_P(Transmit, AFrameGoesOutAsItIs) {
    for (const std::size_t size : {60U, 61U, 104U, 105U, 1000U, 1514U}) {
        const Bytes frame = frame_of(size, 3);
        EXPECT_TRUE(bench.device.transmit(bench.packet(frame)));
        bench.device.flush();
        ASSERT_FALSE(bench.model.sent.empty());
        EXPECT_EQ(bench.model.sent.back(), frame) << size;
    }
    EXPECT_EQ(bench.pool.cluster_stats().used, bench.idle_clusters);
}

TEST_P(Transmit, PiecesMakeOneFrame) {
    const Bytes frame = frame_of(700, 4);
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame, {14, 20, 32, 600, 1, 33})));
    bench.device.flush();
    ASSERT_EQ(bench.model.sent.size(), 1U);
    EXPECT_EQ(bench.model.sent[0], frame);
    EXPECT_EQ(bench.device.counters().transmit_copied, 0U);
}

TEST_P(Transmit, TooManyPiecesAreCopiedIntoOne) {
    const Bytes frame = frame_of(14 + 12 * 50, 5);
    std::vector<std::size_t> pieces(12, 50);
    pieces.insert(pieces.begin(), 14);
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame, pieces)));
    bench.device.flush();
    ASSERT_EQ(bench.model.sent.size(), 1U);
    EXPECT_EQ(bench.model.sent[0], frame);
    EXPECT_EQ(bench.device.counters().transmit_copied, 1U);
    EXPECT_EQ(bench.pool.cluster_stats().used, bench.idle_clusters);
}

TEST_P(Transmit, WithoutMemoryForTheCopyTheFrameIsDroppedAndCounted) {
    const Bytes frame = frame_of(14 + 12 * 50, 5);
    std::vector<std::size_t> pieces(12, 50);
    pieces.insert(pieces.begin(), 14);
    net::Mbuf packet = bench.packet(frame, pieces);
    const auto held = bench.starve_clusters();
    EXPECT_FALSE(bench.device.transmit(std::move(packet)));
    bench.device.flush();
    EXPECT_TRUE(bench.model.sent.empty());
    EXPECT_EQ(bench.device.stats().tx_errors, 1U);
}

TEST_P(Transmit, ShortFramesArePaddedWithZeros) {
    for (std::size_t size = 14; size < 60; ++size) {
        const Bytes frame = frame_of(size, 6, kArp);
        Bytes want = frame;
        want.resize(60);
        EXPECT_TRUE(bench.device.transmit(bench.packet(frame)));
        bench.device.flush();
        EXPECT_EQ(bench.model.sent.back(), want) << size;
    }
}

TEST_P(Transmit, PaddingCountsAsAPiece) {
    const Bytes frame = frame_of(8 * 5, 7);
    Bytes want = frame;
    want.resize(60);
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame, std::vector<std::size_t>(8, 5))));
    bench.device.flush();
    EXPECT_EQ(bench.model.sent.back(), want);
    EXPECT_EQ(bench.device.counters().transmit_copied, 1U);
}

TEST_P(Transmit, ChecksumsAreAskedForOnIpv4Only) {
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 1), {12, 1, 87})));
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(60, 1, kArp))));
    bench.device.flush();
    EXPECT_EQ(bench.model.checksums, (std::vector<std::uint32_t>{3, 0}));
}

TEST_P(Transmit, FramesThatNoEthernetCarriesAreRefused) {
    EXPECT_FALSE(bench.device.transmit(net::Mbuf{}));
    EXPECT_FALSE(bench.device.transmit(bench.packet(frame_of(13, 1))));
    EXPECT_FALSE(bench.device.transmit(bench.packet(frame_of(1515, 1), {14, 1501})));
    bench.device.flush();
    EXPECT_TRUE(bench.model.sent.empty());
    EXPECT_EQ(bench.device.stats().tx_errors, 3U);
}

TEST_P(Transmit, ThousandsOfFramesKeepTheOrderAndLeakNothing) {
    unsigned sent = 0;
    for (unsigned n = 0; n < 2000; ++n) {
        const Bytes frame = frame_of(60 + n % 1400, n);
        ASSERT_TRUE(bench.device.transmit(bench.packet(frame, {14, frame.size() - 14}))) << n;
        if (n % 5 == 0) bench.device.flush();
        for (; !bench.model.sent.empty(); bench.model.sent.pop_front(), ++sent) {
            ASSERT_EQ(bench.model.sent.front(), frame_of(60 + sent % 1400, sent));
        }
    }
    bench.device.flush();
    EXPECT_EQ(sent + bench.model.sent.size(), 2000U);
    EXPECT_EQ(bench.device.stats().tx_frames, 2000U);
    EXPECT_EQ(bench.pool.cluster_stats().used, bench.idle_clusters);
}

TEST_P(Transmit, WithoutALinkNothingIsQueued) {
    bench.model.link = false;
    bench.model.now_us += 2'000'000;
    EXPECT_TRUE(bench.device.poll_link());
    for (unsigned n = 0; n < 100; ++n) {
        EXPECT_FALSE(bench.device.transmit(bench.packet(frame_of(100, n))));
    }
    EXPECT_EQ(bench.device.counters().transmit_link_down, 100U);
    EXPECT_EQ(bench.pool.cluster_stats().used, bench.idle_clusters);
}

TEST(TransmitQemu, ABurstCostsOneDoorbell) {
    Bench bench(Character::qemu);
    bench.start();
    const auto before = bench.model.transmit_kicks;
    for (unsigned n = 0; n < 10; ++n) {
        EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, n))));
    }
    EXPECT_TRUE(bench.model.sent.empty());
    bench.device.flush();
    bench.device.flush();
    EXPECT_EQ(bench.model.sent.size(), 10U);
    EXPECT_EQ(bench.model.transmit_kicks, before + 1);
}

TEST(TransmitQemu, AFullRingEmptiesItself) {
    Bench bench(Character::qemu);
    bench.start();
    for (unsigned n = 0; n < 3 * kBenchTxSlots; ++n) {
        EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, n)))) << n;
    }
    EXPECT_EQ(bench.device.stats().tx_ring_full, 0U);
}

TEST(TransmitQemu, SendingAloneRaisesNoInterrupt) {
    Bench bench(Character::qemu);
    bench.start();
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 1))));
    bench.device.flush();
    EXPECT_FALSE(bench.model.interrupt_line());
}

class TransmitSilicon : public ::testing::Test {
protected:
    Bench bench{Character::silicon};
    void SetUp() override { bench.start(); }

    /// Hands over frames until one is refused.
    unsigned fill_ring() {
        unsigned accepted = 0;
        while (accepted < 100 && bench.device.transmit(bench.packet(frame_of(100, accepted)))) {
            ++accepted;
        }
        return accepted;
    }
};

TEST_F(TransmitSilicon, FramesAreKeptUntilTheDeviceIsDone) {
    bench.model.transmit_held = true;
    const auto before = bench.pool.segment_stats().used;
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 1))));
    bench.device.flush();
    bench.device.flush();
    EXPECT_GT(bench.pool.segment_stats().used, before);
    bench.model.release_transmitter();
    bench.device.poll_link();
    EXPECT_EQ(bench.pool.segment_stats().used, before) << "without any further traffic";
    EXPECT_EQ(bench.model.sent.size(), 1U);
}

TEST_F(TransmitSilicon, AFullRingRefusesAndTellsWhenThereIsRoom) {
    bench.model.transmit_held = true;
    EXPECT_EQ(fill_ring(), kBenchTxSlots);
    EXPECT_EQ(bench.device.stats().tx_ring_full, 1U);
    EXPECT_FALSE(bench.model.interrupt_line());
    bench.model.release_transmitter();
    EXPECT_TRUE(bench.model.interrupt_line()) << "somebody waits for room";
    bench.device.acknowledge();
    bench.device.flush();
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 77))));
    EXPECT_FALSE(bench.model.interrupt_line()) << "nobody waits any more";
    EXPECT_EQ(bench.model.sent.size(), kBenchTxSlots + 1);
}

TEST_F(TransmitSilicon, AFaultIsCountedAndSendingGoesOn) {
    bench.model.transmit_held = true;
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 1))));
    bench.device.flush();
    bench.model.transmit_held = false;  // stopped by the fault: only a new kick helps
    bench.model.raise(Interrupt::TxUnderflow::mask);
    EXPECT_TRUE(bench.model.interrupt_line());
    bench.service();
    bench.device.flush();
    EXPECT_EQ(bench.model.sent.size(), 1U);
    EXPECT_EQ(bench.device.counters().transmit_faults, 1U);
}

TEST_F(TransmitSilicon, AWedgedTransmitterIsStartedAnew) {
    for (unsigned n = 0; n < 5; ++n) {
        EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, n))));
    }
    bench.device.flush();
    bench.model.sent.clear();
    bench.model.transmit_held = true;
    EXPECT_EQ(fill_ring(), kBenchTxSlots);
    for (int second = 0; second < 5; ++second) {
        bench.model.now_us += 1'000'000;
        bench.device.poll_link();
    }
    EXPECT_EQ(bench.device.counters().restarts, 1U);
    EXPECT_EQ(bench.pool.segment_stats().used, kBenchRxSlots) << "the old frames are gone";
    bench.model.transmit_held = false;
    ASSERT_TRUE(bench.device.up());
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 5))));
    bench.device.flush();
    ASSERT_EQ(bench.model.sent.size(), 1U);
    bench.model.deliver(frame_of(400, 6));
    EXPECT_EQ(bench.service().size(), 1U) << "and reception lives";
}

TEST_F(TransmitSilicon, ASlowTransmitterIsLeftAlone) {
    bench.model.transmit_held = true;
    EXPECT_EQ(fill_ring(), kBenchTxSlots);
    for (unsigned n = 0; n < kBenchTxSlots; ++n) {
        bench.model.now_us += 2'000'000;
        bench.device.poll_link();
        bench.model.release_transmitter(1);
        bench.device.poll_link();
    }
    EXPECT_EQ(bench.model.sent.size(), kBenchTxSlots);
    EXPECT_EQ(bench.device.counters().restarts, 0U);
}

TEST_F(TransmitSilicon, AFrameAfterALongSilenceHasItsTime) {
    bench.model.now_us += 60'000'000;
    bench.model.transmit_held = true;
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 1))));
    bench.device.poll_link();
    EXPECT_EQ(bench.device.counters().restarts, 0U);
}

}  // namespace transmit_test
}  // namespace kyu::emac::test
