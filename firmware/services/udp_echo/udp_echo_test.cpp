// UDP echo: every size comes back, and no two echoes talk to each other.
#include "services/udp_echo/udp_echo.hpp"

#include <gtest/gtest.h>

#include "net/fragments_test_support.hpp"

namespace kyu::net::test {
namespace udp_echo_test {

class UdpEcho : public ::testing::Test {
protected:
    TestNet world_ = TestNet::with_address();

    void SetUp() override {
        introduce_peer(world_);
        ASSERT_TRUE(world_.net.udp.bind(kUdpEchoPort, udp_echo::answer, 0));
    }
    void TearDown() override { EXPECT_EQ(world_.segments_used(), 0U); }
};

TEST_F(UdpEcho, EverySizeComesBack) {
    unsigned id = 0;
    for (const std::size_t bytes : {0U, 1U, 100U, 1472U, 1473U, 9000U, 65507U}) {
        world_.link.sent.clear();
        const Bytes datagram = udp_datagram(kPeer, kBoard, 5000, 7, pattern(bytes));
        for (Bytes& f : fragment_frames(datagram, ++id)) world_.inject(std::move(f));
        world_.settle();
        EXPECT_EQ(joined_payload(world_.take_sent()),
                  udp_datagram(kBoard, kPeer, 7, 5000, pattern(bytes)))
            << bytes;
    }
}

TEST_F(UdpEcho, NoAnswerToGroupsNorToPortsThatAnswer) {
    const Ipv4 everybody{192, 168, 0, 255};
    EXPECT_TRUE(world_
                    .exchange(ip_frame({.destination = everybody},
                                       udp_datagram(kPeer, everybody, 5000, 7, {1})))
                    .empty());
    for (const unsigned port : {7U, 9U, 13U, 19U, 0U}) {
        EXPECT_TRUE(world_.exchange(udp_frame(port, 7, {1})).empty()) << port;
    }
    EXPECT_EQ(world_.drops(Drop::udp_foreign), 6U);
}

}  // namespace udp_echo_test
}  // namespace kyu::net::test
