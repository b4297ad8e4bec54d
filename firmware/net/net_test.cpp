// Net and NetGuard with real threads: the lock, waiting, waking, the net thread's deadlines.
#include "net/net.hpp"

#include <gtest/gtest.h>

#include "net/host_test_support.hpp"
#include "net/show.hpp"
#include "net/udp_socket.hpp"

namespace kyu::net::test {
namespace net_test {

using host::Stop;

Instant at_ms(std::int64_t ms) { return Instant::from_us(ms * 1000); }

TEST(Net, APingIsAnsweredFromTheInterruptOn) {
    HostNet host;
    host.frame_at(at_ms(10), arp_frame({}));
    host.frame_at(at_ms(20), ip_frame({.protocol = 1}, icmp_message(8, 0, 7, pattern(56))));
    host.machine.thread("wait", 20, [](ThreadContext& self) { self.sleep_until(at_ms(30)); });
    ASSERT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
    ASSERT_EQ(host.link.sent.size(), 3U) << "announcement, ARP reply, echo reply";
    EXPECT_EQ(slice(host.link.sent[2], kEther + kIp), icmp_message(0, 0, 7, pattern(56)));
    EXPECT_GE(host.link.flushes, 2U) << "every release of the lock hands frames over";
}

TEST(Net, AReaderWaitsWithoutTheLockAndIsWoken) {
    HostNet host;
    host.frame_at(at_ms(50), udp_frame(5000, 4000, {1, 2, 3}));
    host.machine.thread("reader", 20, [&](ThreadContext& self) {
        auto socket = UdpSocket::open(host.net, self, 4000);
        ASSERT_TRUE(socket);
        std::array<std::byte, 10> into{};
        const auto got = socket->receive(self, into, Instant::never());
        EXPECT_TRUE(got && got->bytes == 3 && got->from == (Endpoint{kPeer, 5000}));
        EXPECT_EQ(self.now().ms(), 50);
        socket->close(self);
    });
    host.machine.thread("other", 25, [&](ThreadContext& self) {
        self.sleep_until(at_ms(20));
        const NetGuard guard{host.net, self};
        EXPECT_EQ(self.now().ms(), 20) << "the lock is free while the reader waits";
    });
    EXPECT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
}

TEST(Net, AReaderGivesUpAtItsDeadline) {
    HostNet host;
    host.machine.thread("reader", 20, [&](ThreadContext& self) {
        auto socket = UdpSocket::open(host.net, self, 0);
        ASSERT_TRUE(socket);
        std::array<std::byte, 10> into{};
        EXPECT_EQ(socket->receive(self, into, Instant{}).error(), UdpError::timed_out);
        EXPECT_EQ(socket->receive(self, into, at_ms(70)).error(), UdpError::timed_out);
        EXPECT_EQ(self.now().ms(), 70);
        socket->close(self);
        EXPECT_EQ(socket->receive(self, into, at_ms(80)).error(), UdpError::closed);
    });
    EXPECT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
}

TEST(Net, TwoThreadsTalkOverTheLoopback) {
    HostNet host;
    host.machine.thread("server", 20, [&](ThreadContext& self) {
        auto socket = UdpSocket::open(host.net, self, 7);
        ASSERT_TRUE(socket);
        std::array<std::byte, 100> into{};
        for (int i = 0; i < 50; ++i) {
            const auto got = socket->receive(self, into, Instant::never());
            ASSERT_TRUE(got);
            EXPECT_TRUE(socket->send_to(self, got->from, std::span{into}.first(got->bytes)));
        }
        socket->close(self);
    });
    host.machine.thread("client", 21, [&](ThreadContext& self) {
        auto socket = UdpSocket::open(host.net, self, 0);
        ASSERT_TRUE(socket);
        for (std::uint8_t i = 0; i < 50; ++i) {
            const Bytes out{i, i, i};
            std::array<std::byte, 100> into{};
            EXPECT_TRUE(socket->send_to(self, {Ipv4{127, 0, 0, 1}, 7}, as_bytes(out)));
            const auto got = socket->receive(self, into, self.now() + Duration::from_s(1));
            ASSERT_TRUE(got);
            EXPECT_EQ(into[2], std::byte{i});
        }
        socket->close(self);
    });
    EXPECT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
}

TEST(Net, AnEarlierDeadlineMadeByAThreadReachesTheNetThread) {
    HostNet host;
    host.machine.thread("sender", 20, [&](ThreadContext& self) {
        self.sleep_until(at_ms(100));
        auto socket = UdpSocket::open(host.net, self, 0);
        ASSERT_TRUE(socket);
        const Bytes data{1};
        EXPECT_TRUE(socket->send_to(self, {kPeer, 9}, as_bytes(data)));  // starts ARP's timer
        socket->close(self);
        self.sleep_until(at_ms(3000));
    });
    ASSERT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
    EXPECT_EQ(host.link.sent.size(), 1U + 3U) << "the question was asked again each second";
}

TEST(Net, AFloodDoesNotKeepOthersFromTheProcessor) {
    HostNet host;
    bool ran = false;
    host.machine.machine().at(at_ms(10), [&](IrqContext& irq) {
        for (int i = 0; i < 20'000; ++i) host.link.arriving.push_back(udp_frame(5000, 9, {1}));
        host.net.post(irq);
    });
    host.machine.thread("shell", 25, [&](ThreadContext& self) {
        self.sleep_until(at_ms(10));
        EXPECT_FALSE(host.link.arriving.empty()) << "ran in the middle of the flood";
        ran = true;
    });
    ASSERT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
    EXPECT_TRUE(ran);
}

/// clang's analysis would not let this compile: it is here to see what the kernel says.
void lock_twice(Net& net, ThreadContext& self) KYU_NO_ANALYSIS {
    const NetGuard outer{net, self};
    const NetGuard inner{net, self};
}

TEST(Net, TakingTheLockTwiceIsFoundAtOnce) {
    HostNet host;
    host.machine.thread("careless", 20, [&](ThreadContext& self) { lock_twice(host.net, self); });
    EXPECT_EQ(host.machine.run(), Stop::crashed);
    EXPECT_NE(host.machine.text().find("net"), std::string::npos) << "the lock is named";
}

TEST(Net, ShowsWhatItCounts) {
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    world.exchange(udp_frame(1, 9, {}));
    TextBuffer<4000> text;
    print_netstat(text, world.net);
    print_arp(text, world.net);
    print_interfaces(text, world.net);
    const std::string all{text.view()};
    for (const char* expected :
         {"udp_port ", "icmp_errors_out", "192.168.0.1 ", "02:00:00:00:00:01", "reachable",
          "192.168.0.73/24 (args)", "mbufs", "rx_frames", "neighbours                        1"}) {
        EXPECT_NE(all.find(expected), std::string::npos) << expected << "\n" << all;
    }
    EXPECT_EQ(all.find("ip_version"), std::string::npos) << "zeros are not shown";
}

}  // namespace net_test
}  // namespace kyu::net::test
