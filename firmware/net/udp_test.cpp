// UDP: lengths, checksums, closed ports, slow readers.
#include "net/udp.hpp"

#include <gtest/gtest.h>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {
namespace udp_test {

constexpr std::uint16_t kPort = kBoundPort;

class UdpTest : public BoundUdp {
protected:
    static Bytes datagram(const Bytes& data) {
        return udp_datagram(kPeer, kBoard, 5000, kPort, data);
    }
    void expect_drop(const Bytes& d, Drop reason) {
        const std::uint64_t before = world_.drops(reason);
        EXPECT_TRUE(world_.exchange(ip_frame({}, d)).empty());
        EXPECT_EQ(world_.drops(reason), before + 1);
        EXPECT_EQ(queued(), 0U);
    }
};

TEST_F(UdpTest, WrongLengthsAndChecksumsAreDropped) {  // packet case 24
    for (std::size_t n = 0; n < 8; ++n) expect_drop(slice(datagram({}), 0, n), Drop::udp_short);
    for (const unsigned length : {0U, 7U, 29U, 65535U}) {
        Bytes d = datagram(pattern(20));
        put16(d, 4, length);
        expect_drop(d, Drop::udp_length);
    }
    Bytes wrong = datagram(pattern(20));
    wrong[6] ^= 1U;
    expect_drop(wrong, Drop::udp_checksum);
}

TEST_F(UdpTest, TheUdpLengthSaysWhereTheDataEnds) {  // packet case 24
    world_.exchange(ip_frame({}, joined(datagram(pattern(20)), Bytes(12, 0xAA))));
    EXPECT_EQ(read(), pattern(20));
}

TEST_F(UdpTest, AChecksumOfZeroMeansNone) {  // packet case 24
    Bytes d = datagram(pattern(20));
    put16(d, 6, 0);
    d[10] ^= 0xFFU;
    world_.exchange(ip_frame({}, d));
    EXPECT_EQ(queued(), 1U);
}

TEST_F(UdpTest, ADatagramOfNothingIsADatagram) {
    world_.exchange(ip_frame({}, datagram({})));
    ASSERT_EQ(queued(), 1U);
    EXPECT_TRUE(read().empty());
}

TEST_F(UdpTest, AClosedPortIsToldWithAnExactQuote) {
    const Bytes packet = ip_packet({}, udp_datagram(kPeer, kBoard, 5000, 9, pattern(100)));
    const auto sent = world_.exchange(ether_frame(kBoardMac, kPeerMac, 0x0800, packet));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(slice(sent[0], kEther + kIp), icmp_message(3, 3, 0, slice(packet, 0, 28)))
        << "bsd-pitfalls D12: the header as it was received, and eight bytes";
}

TEST_F(UdpTest, PortZeroAndGroupsGetNoAnswerFromNobody) {
    EXPECT_EQ(world_.exchange(udp_frame(5000, 0, {})).size(), 1U) << "an ordinary closed port";
    const Ipv4 group{192, 168, 0, 255};
    EXPECT_TRUE(
        world_.exchange(ip_frame({.destination = group}, udp_datagram(kPeer, group, 5000, 9, {})))
            .empty());
    EXPECT_EQ(world_.drops(Drop::udp_port), 2U);
}

TEST_F(UdpTest, AFloodToAClosedPortIsAnsweredSparingly) {  // packet case 22
    std::size_t answers = 0;
    for (int i = 0; i < 100'000; ++i) {
        if (i % 100 == 0) world_.advance(Duration::from_ms(1));
        answers += world_.exchange(udp_frame(5000, 9, {1, 2, 3})).size();
    }
    EXPECT_LE(answers, 20U + 100U) << "a burst, and a hundred a second";
    EXPECT_GE(answers, 100U);
    EXPECT_EQ(world_.pool.cluster_stats().high, 1U) << "fixed memory";
}

TEST_F(UdpTest, ASlowReaderLosesTheNewest) {
    for (std::uint8_t i = 0; i < 20; ++i) world_.exchange(ip_frame({}, datagram({i})));
    EXPECT_EQ(queued(), kUdpQueueMax);
    EXPECT_EQ(world_.drops(Drop::udp_queue_full), 20 - kUdpQueueMax);
    EXPECT_EQ(read(), Bytes{0});
}

TEST_F(UdpTest, SendingFillsInLengthAndChecksum) {
    ASSERT_TRUE(udp_output(world_.net, {}, kPort, {kPeer, 5000},
                           world_.pool.copy_in(as_bytes(pattern(33)))));
    const auto sent = world_.take_sent();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(slice(sent[0], kEther + kIp), udp_datagram(kBoard, kPeer, kPort, 5000, pattern(33)));
}

TEST_F(UdpTest, PortsAreExclusiveCountedAndReused) {
    EXPECT_EQ(world_.net.udp.bind(kPort, nullptr, 0).error(), UdpError::in_use);
    std::vector<UdpId> ids;
    for (;;) {
        auto id = world_.net.udp.bind(0, nullptr, static_cast<std::uint16_t>(65000 + ids.size()));
        if (!id) {
            EXPECT_EQ(id.error(), UdpError::no_memory);
            break;
        }
        EXPECT_GE(world_.net.udp.get(*id)->port, 49152);
        ids.push_back(*id);
    }
    EXPECT_EQ(ids.size(), kUdpPorts - 1);
    world_.net.udp.unbind(ids[0]);
    EXPECT_EQ(world_.net.udp.get(ids[0]), nullptr);
    auto again = world_.net.udp.bind(7777, nullptr, 0);
    ASSERT_TRUE(again);
    EXPECT_EQ(world_.net.udp.get(ids[0]), nullptr) << "an old id is harmless";
}

}  // namespace udp_test
}  // namespace kyu::net::test
