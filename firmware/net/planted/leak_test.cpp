// icmp-leak, on a stack without a kernel. Only in builds with KYU_DEFECTS.
#include <gtest/gtest.h>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {
namespace leak_test {

TEST(IcmpLeak, every_reply_that_nobody_asked_for_keeps_its_buffer) {
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    planted::plant(world.net, PlantedBug{MissionBug::icmp_leak});
    const Bytes reply = ip_frame({.protocol = 1}, icmp_message(0, 0, 1, {}));
    for (unsigned n = 1; n <= 100; ++n) {
        EXPECT_TRUE(world.exchange(reply).empty());
        EXPECT_EQ(world.clusters_used(), n);
    }
    EXPECT_EQ(world.drops(Drop::icmp_unsolicited), 100U);
}

}  // namespace leak_test
}  // namespace kyu::net::test
