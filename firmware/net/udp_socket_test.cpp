// UdpSocket: connected and not, errors that come back, broadcasts, groups, large datagrams.
#include "net/udp_socket.hpp"

#include <gtest/gtest.h>

#include "net/host_test_support.hpp"

namespace kyu::net::test {
namespace udp_socket_test {

using host::Stop;

constexpr std::uint16_t kPort = 4000;
Instant at_ms(std::int64_t ms) { return Instant::from_us(ms * 1000); }

/// One thread with an open socket on a board that knows its peer.
struct SocketWorld {
    HostNet host;

    template <typename Body>
    void run(Body body) {
        host.frame_at(at_ms(1), arp_frame({}));
        host.machine.thread("user", 20, [&](ThreadContext& self) {
            self.sleep_until(at_ms(5));
            auto socket = UdpSocket::open(host.net, self, kPort);
            ASSERT_TRUE(socket);
            body(self, *socket);
            socket->close(self);
        });
        ASSERT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
        EXPECT_EQ(host.pool.segment_stats().used, 0U);
        EXPECT_EQ(host.pool.cluster_stats().used, 0U);
    }
    /// The peer's ICMP error about the last frame that the board sent.
    void complain_at(Instant when, unsigned type, unsigned code) {
        host.machine.machine().at(when, [this, type, code](IrqContext& irq) {
            const Bytes quote = slice(host.link.sent.back(), kEther, 28);
            host.link.arriving.push_back(
                ip_frame({.protocol = 1}, icmp_message(type, code, 0, quote)));
            host.net.post(irq);
        });
    }
};

const Bytes kData{1, 2, 3};

TEST(UdpSocket, AConnectedSocketHearsItsPeerOnly) {
    SocketWorld world;
    world.host.frame_at(at_ms(10), udp_frame(6000, kPort, {9}));
    world.host.frame_at(at_ms(11), udp_frame(5000, kPort, {1}));
    world.run([&](ThreadContext& self, UdpSocket& socket) {
        ASSERT_TRUE(socket.connect(self, {kPeer, 5000}));
        std::array<std::byte, 8> into{};
        const auto got = socket.receive(self, into, Instant::never());
        ASSERT_TRUE(got);
        EXPECT_EQ(got->from, (Endpoint{kPeer, 5000}));
        EXPECT_EQ(into[0], std::byte{1});
        EXPECT_TRUE(socket.send(self, as_bytes(kData)));
        NetGuard guard{world.host.net, self};
        EXPECT_EQ(guard->stats.drops(Drop::udp_foreign), 1U);
    });
}

TEST(UdpSocket, AClosedPortAtTheOtherEndIsTheNextCallsError) {  // RFC 1122 §4.1.3.3
    for (const bool connected : {true, false}) {
        SocketWorld world;
        world.complain_at(at_ms(20), 3, 3);
        world.run([&](ThreadContext& self, UdpSocket& socket) {
            const Endpoint peer{kPeer, 9};
            ASSERT_TRUE(!connected || socket.connect(self, peer));
            ASSERT_TRUE(socket.send_to(self, peer, as_bytes(kData)));
            std::array<std::byte, 8> into{};
            const auto got = socket.receive(self, into, Instant::never());
            ASSERT_FALSE(got);
            EXPECT_EQ(got.error(), UdpError::refused);
            EXPECT_TRUE(socket.send_to(self, peer, as_bytes(kData))) << "told once";
        });
    }
}

TEST(UdpSocket, OtherErrorsAreUnreachableAndReachTheSender) {
    SocketWorld world;
    world.complain_at(at_ms(20), 11, 0);
    world.run([&](ThreadContext& self, UdpSocket& socket) {
        ASSERT_TRUE(socket.connect(self, {kPeer, 9}));
        ASSERT_TRUE(socket.send(self, as_bytes(kData)));
        self.sleep_until(at_ms(30));
        const auto sent = socket.send(self, as_bytes(kData));
        ASSERT_FALSE(sent);
        EXPECT_EQ(sent.error(), UdpError::unreachable);
    });
}

TEST(UdpSocket, AnErrorAboutSomebodyElsesDatagramIsNotOurs) {
    SocketWorld world;
    const Bytes other = ip_packet({.source = kBoard, .destination = {192, 168, 0, 9}},
                                  udp_datagram(kBoard, {192, 168, 0, 9}, kPort, 9, kData));
    world.host.frame_at(at_ms(20),
                        ip_frame({.protocol = 1}, icmp_message(3, 3, 0, slice(other, 0, 28))));
    world.run([&](ThreadContext& self, UdpSocket& socket) {
        ASSERT_TRUE(socket.connect(self, {kPeer, 9}));
        std::array<std::byte, 8> into{};
        const auto got = socket.receive(self, into, at_ms(50));
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error(), UdpError::timed_out);
    });
}

TEST(UdpSocket, BroadcastsMustBeAllowed) {
    SocketWorld world;
    world.run([&](ThreadContext& self, UdpSocket& socket) {
        for (const Ipv4 everybody : {Ipv4{192, 168, 0, 255}, Ipv4{0xFFFFFFFF}}) {
            const auto refused = socket.send_to(self, {everybody, 9}, as_bytes(kData));
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error(), UdpError::denied);
            socket.allow_broadcast(self, true);
            EXPECT_TRUE(socket.send_to(self, {everybody, 9}, as_bytes(kData)));
            socket.allow_broadcast(self, false);
        }
    });
}

TEST(UdpSocket, DatagramsOfEverySizeUpToTheLargestPassThroughOurselves) {
    SocketWorld world;
    world.run([&](ThreadContext& self, UdpSocket& socket) {
        static std::array<std::byte, kUdpPayloadMax + 1> into;
        for (const std::size_t size : {0U, 1U, 144U, 1472U, 1473U, 9000U, 65507U}) {
            const Bytes data = pattern(size);
            ASSERT_TRUE(socket.send_to(self, {kBoard, kPort}, as_bytes(data))) << size;
            const auto got = socket.receive(self, into, self.now() + Duration::from_s(1));
            ASSERT_TRUE(got) << size;
            EXPECT_EQ(got->bytes, size);
            EXPECT_TRUE(std::equal(as_bytes(data).begin(), as_bytes(data).end(), into.begin()));
        }
        const auto refused = socket.send_to(self, {kBoard, kPort}, as_bytes(pattern(65508)));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), UdpError::too_big);
    });
}

TEST(UdpSocket, WhatWaitsAtAPortIsBoundedInMemoryToo) {
    SocketWorld world;
    world.run([&](ThreadContext& self, UdpSocket& socket) {
        const Bytes large = pattern(60'000);
        for (unsigned i = 0; i < kUdpQueueMax; ++i) {
            ASSERT_TRUE(socket.send_to(self, {kBoard, kPort}, as_bytes(large)));
        }
        self.sleep_for(Duration::from_ms(1));
        NetGuard guard{world.host.net, self};
        EXPECT_LE(guard->udp.find(kPort)->memory(), kUdpQueueMemoryMax);
        EXPECT_GT(guard->stats.drops(Drop::udp_queue_full), 0U);
    });
}

TEST(UdpSocket, ClosingLeavesItsGroups) {
    SocketWorld world;
    constexpr Ipv4 kGroup{239, 1, 2, 3};
    world.host.frame_at(at_ms(20),
                        ether_frame(group_mac(kGroup), kPeerMac, 0x0800,
                                    ip_packet({.destination = kGroup},
                                              udp_datagram(kPeer, kGroup, 5000, kPort, kData))));
    world.run([&](ThreadContext& self, UdpSocket& socket) {
        EXPECT_FALSE(socket.join(self, kPeer)) << "not a group";
        ASSERT_TRUE(socket.join(self, kGroup));
        ASSERT_TRUE(socket.join(self, kGroup)) << "a member already";
        std::array<std::byte, 8> into{};
        EXPECT_TRUE(socket.receive(self, into, at_ms(50)));
        EXPECT_TRUE(world.host.link.groups);
    });
    EXPECT_FALSE(world.host.link.groups);
}

}  // namespace udp_socket_test
}  // namespace kyu::net::test
