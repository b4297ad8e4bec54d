// Start, PHY and link: the board comes up with or without a cable, and follows it.
#include "drivers/emac/bench_test_support.hpp"

namespace kyu::emac::test {
namespace start_test {

void pass(Bench& bench, std::int64_t milliseconds) {
    for (std::int64_t t = 0; t < milliseconds; t += 50) {
        bench.model.now_us += 50'000;
        bench.device.poll_link();
    }
}

TEST(Start, QemusLinkIsUpAtOnce) {
    Bench bench(Character::qemu);
    ASSERT_TRUE(bench.device.start(bench.pool).has_value());
    EXPECT_TRUE(bench.device.up());
}

TEST(Start, SetsWhatTheManualAsksFor) {
    for (const Character character : {Character::qemu, Character::silicon}) {
        Bench bench(character);
        bench.start();
        EXPECT_EQ(bench.model.reg(MacHigh::offset), 0x5634U);
        EXPECT_EQ(bench.model.reg(MacLow::offset), 0x12005452U);
        EXPECT_EQ(bench.model.reg(BasicCtl0::offset), 0xDU) << "100 Mbit/s, full duplex";
        EXPECT_EQ(bench.model.reg(BasicCtl1::offset), 8U << 24U);
        EXPECT_EQ(bench.model.reg(FrameFilter::offset), 0U);
        EXPECT_EQ(bench.model.reg(RxCtl0::offset), 1U << 31U);
        EXPECT_EQ(bench.model.reg(TxCtl0::offset), 1U << 31U);
        EXPECT_EQ(bench.model.reg(IntEn::offset), 0x1F1AU) << "sending alone does not interrupt";
        for (std::size_t i = 0; i < kBenchRxSlots; ++i) {
            EXPECT_EQ(bench.rx_slot(i).status, Status::Own::mask);
            EXPECT_EQ(RxControl::BufferBytes::in(bench.rx_slot(i).control), 2044U);
        }
    }
}

TEST(Start, GroupsAreLetInOnlyWhileTheyAreWantedAndAcrossARestart) {
    Bench bench(Character::silicon);
    bench.start();
    bench.device.receive_groups(true);
    EXPECT_EQ(bench.model.reg(FrameFilter::offset), 1U << 16U) << "h3.md: all multicast";
    bench.start();
    EXPECT_EQ(bench.model.reg(FrameFilter::offset), 1U << 16U);
    bench.device.receive_groups(false);
    EXPECT_EQ(bench.model.reg(FrameFilter::offset), 0U);
}

TEST(Start, AMacThatStaysInResetIsReportedInTime) {
    Bench bench(Character::silicon);
    bench.model.reset_never_ends = true;
    const auto before = bench.model.now_us;
    const auto status = bench.device.start(bench.pool);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error(), StartError::reset_timeout);
    EXPECT_LT(bench.model.now_us - before, 110'000);
}

TEST(Start, APoolThatIsTooSmallIsReported) {
    Bench bench(Character::qemu);
    auto held = bench.starve_clusters();
    const auto status = bench.device.start(bench.pool);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error(), StartError::no_memory);
    held.clear();
    EXPECT_TRUE(bench.device.start(bench.pool).has_value()) << "a second try is welcome";
}

TEST(Start, ASecondStartForgetsTheFirst) {
    Bench bench(Character::qemu);
    bench.start();
    for (unsigned n = 0; n < 3; ++n) bench.model.deliver(frame_of(100, n));
    ASSERT_TRUE(bench.device.start(bench.pool).has_value());
    EXPECT_TRUE(bench.drain().empty());
    EXPECT_FALSE(bench.model.interrupt_line());
    bench.model.deliver(frame_of(100, 9));
    EXPECT_EQ(bench.service().size(), 1U);
}

TEST(Start, AFrameThatComesBeforeIsReceivedAfter) {
    Bench bench(Character::qemu);
    bench.model.deliver(frame_of(100, 1));
    bench.start();
    EXPECT_EQ(bench.service().size(), 1U) << "the backend has been waiting for a kick";
}

TEST(Link, NoCableDoesNotHoldUpTheBoot) {
    Bench bench(Character::silicon);
    bench.model.link = false;
    const auto before = bench.model.now_us;
    ASSERT_TRUE(bench.device.start(bench.pool).has_value());
    EXPECT_LT(bench.model.now_us - before, 10'000);
    pass(bench, 20'000);
    EXPECT_FALSE(bench.device.up());
    bench.model.link = true;
    pass(bench, 200);
    EXPECT_TRUE(bench.device.up()) << "and it is seen soon after it is plugged in";
}

TEST(Link, AMissingPhyLeavesTheLinkDown) {
    for (const Character character : {Character::qemu, Character::silicon}) {
        Bench bench(character);
        bench.model.phy_absent = true;
        const auto before = bench.model.now_us;
        ASSERT_TRUE(bench.device.start(bench.pool).has_value());
        EXPECT_LT(bench.model.now_us - before, 10'000);
        pass(bench, 3'000);
        EXPECT_FALSE(bench.device.up()) << character;
    }
}

TEST(Link, APhyThatStopsAnsweringIsALostLink) {
    for (const Character character : {Character::qemu, Character::silicon}) {
        Bench bench(character);
        bench.start();
        pass(bench, 2'500);
        bench.model.phy_absent = true;
        pass(bench, 1'500);
        EXPECT_FALSE(bench.device.up()) << character << ": the last answer is not believed again";
    }
}

TEST(Link, AStuckMiiPortCostsMillisecondsNotTheBoot) {
    Bench bench(Character::silicon);
    bench.model.mii_stuck = true;
    const auto before = bench.model.now_us;
    ASSERT_TRUE(bench.device.start(bench.pool).has_value());
    EXPECT_LT(bench.model.now_us - before, 20'000);
    EXPECT_FALSE(bench.device.up());
}

TEST(Link, SpeedAndDuplexFollowThePartner) {
    struct Case {
        std::uint16_t partner;
        std::uint32_t basic_ctl0;
    };
    for (const Case& c : {Case{0x41E1, 0xD}, Case{0x4081, 0xC}, Case{0x4061, 0x9},
                          Case{0x4021, 0x8}, Case{0x0000, 0x8}}) {
        Bench bench(Character::silicon);
        bench.model.partner = c.partner;
        bench.start();
        EXPECT_EQ(bench.model.reg(BasicCtl0::offset), c.basic_ctl0) << std::hex << c.partner;
    }
}

TEST(Link, PollSaysWhenItWantsToBeCalledAgain) {
    Bench bench(Character::silicon);
    bench.start();
    const Instant now = Instant::from_us(bench.model.now_us);
    EXPECT_EQ(bench.device.poll(now) - now, kLinkPollUp) << "nothing hurries";
    bench.model.transmit_held = true;
    EXPECT_TRUE(bench.device.transmit(bench.packet(frame_of(100, 1))));
    EXPECT_EQ(bench.device.poll(now) - now, kLinkPollDown) << "a frame is on its way";
}

TEST(Link, LossAndReturnAreSeenAndCounted) {
    Bench bench(Character::qemu);
    bench.start();
    bench.model.link = false;
    pass(bench, 1'500);
    EXPECT_FALSE(bench.device.up());
    bench.model.link = true;
    bench.model.partner = 0x0061;
    pass(bench, 1'500);
    EXPECT_TRUE(bench.device.up());
    EXPECT_EQ(bench.model.reg(BasicCtl0::offset), 0x9U) << "another partner, another mode";
    EXPECT_EQ(bench.device.counters().link_changes, 2U);
}

TEST(PresetMac, IsWhatTheBootLoaderLeft) {
    EmacModel model(Character::qemu);
    ModelIo io{&model};
    EXPECT_FALSE(preset_mac(io).has_value());
    io.write(MacHigh::offset, 0x5634);
    io.write(MacLow::offset, 0x12005452);
    EXPECT_EQ(preset_mac(io), kBoardMac);
    io.write(MacLow::offset, 0x12005453);
    EXPECT_FALSE(preset_mac(io).has_value()) << "a group address is no station's";
}

}  // namespace start_test
}  // namespace kyu::emac::test
