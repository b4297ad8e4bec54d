// Ethernet: runts, strangers and foreign protocols; every frame also split at every byte.
#include <gtest/gtest.h>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {
namespace ether_test {

TEST(Ether, ShortFramesAreDroppedAtEveryLength) {  // packet case 1
    const Bytes whole = ip_frame({.protocol = 1}, icmp_message(8, 0, 1, {}));
    for (std::size_t n = 0; n < whole.size(); ++n) {
        for (const std::size_t cut : {std::size_t{0}, n / 2, n}) {
            TestNet world = TestNet::with_address();
            world.link.split_at = cut;
            if (n == 0) continue;  // a link has no frames of no bytes
            EXPECT_TRUE(world.exchange(slice(whole, 0, n)).empty()) << n;
            const Drop expected = n < 14        ? Drop::ether_short
                                  : n < 14 + 20 ? Drop::ip_short
                                                : Drop::ip_total_length;
            EXPECT_EQ(world.drops(expected), 1U) << n;
            EXPECT_EQ(world.segments_used(), 0U);
        }
    }
}

TEST(Ether, FramesForOthersAreDroppedWhateverTheyHold) {
    TestNet world = TestNet::with_address();
    Bytes frame = ip_frame({.protocol = 1}, icmp_message(8, 0, 1, {}));
    frame[5] ^= 1U;
    EXPECT_TRUE(world.exchange(frame).empty());
    const MacAddress group{{0x01, 0x00, 0x5e, 0x00, 0x00, 0x02}};
    EXPECT_TRUE(world.exchange(ether_frame(group, kPeerMac, 0x0800, {})).empty());
    EXPECT_EQ(world.drops(Drop::ether_foreign), 2U);
}

TEST(Ether, OurOwnFrameComingBackIsDropped) {
    TestNet world = TestNet::with_address();
    world.exchange(ether_frame(MacAddress::broadcast(), kBoardMac, 0x0806,
                               arp_packet({.sender_mac = kBoardMac, .sender = kBoard})));
    EXPECT_EQ(world.drops(Drop::ether_own), 1U);
    EXPECT_EQ(world.drops(Drop::arp_conflict), 0U);
}

TEST(Ether, OtherProtocolsAreCounted) {  // packet case 56
    TestNet world = TestNet::with_address();
    for (const unsigned type : {0x86DDU, 0x8100U, 0x88A8U, 0x8847U, 0xFFFFU}) {
        EXPECT_TRUE(world.exchange(ether_frame(kBoardMac, kPeerMac, type, pattern(46))).empty());
    }
    EXPECT_EQ(world.drops(Drop::ether_type), 5U);
    for (const unsigned length : {0U, 46U, 1500U, 0x05FFU}) {
        EXPECT_TRUE(world.exchange(ether_frame(kBoardMac, kPeerMac, length, pattern(46))).empty());
    }
    EXPECT_EQ(world.drops(Drop::ether_llc), 4U);
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(Ether, EveryReasonToDropHasAName) {
    for (std::size_t i = 0; i < kDropReasons; ++i) {
        EXPECT_FALSE(to_text(static_cast<Drop>(i)).empty());
    }
    EXPECT_EQ(to_text(Drop::out_no_address), "out_no_address");
}

}  // namespace ether_test
}  // namespace kyu::net::test
