// Pings and ARP pings of threads.
#include "net/ping.hpp"

#include <gtest/gtest.h>

#include "net/host_test_support.hpp"

namespace kyu::net::test {
namespace ping_test {

using host::Stop;

Instant at_ms(std::int64_t ms) { return Instant::from_us(ms * 1000); }

template <typename Body>
void with_pinger(HostNet& host, Ipv4 target, Body body) {
    host.frame_at(at_ms(1), arp_frame({}));
    host.machine.thread("user", 20, [&](ThreadContext& self) {
        self.sleep_until(at_ms(5));
        Pinger pinger;
        ASSERT_TRUE(pinger.open(host.net, self, target));
        body(self, pinger);
        pinger.close(self);
    });
    ASSERT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
    EXPECT_EQ(host.pool.segment_stats().used, 0U);
    EXPECT_EQ(host.pool.cluster_stats().used, 0U);
}

/// The peer answers each echo request after a millisecond; `change` may spoil the answer.
void answer_echoes(HostNet& host, std::function<void(Bytes&)> change = [](Bytes&) {}) {
    host.link.on_transmit = [&host, change = std::move(change)](const Bytes& frame) {
        host.link.sent.push_back(frame);
        if (get16(frame, 12) != 0x0800 || frame[kEther + 9] != 1) return;
        Bytes echo = slice(frame, kEther + kIp);
        if (echo[0] != 8) return;
        Bytes reply = icmp_message(0, 0, get32(echo, 4), slice(echo, 8));
        change(reply);
        put16(reply, 2, 0);
        put16(reply, 2, slow_checksum(reply));
        host.frame_at(host.machine.now() + Duration::from_ms(1), ip_frame({.protocol = 1}, reply));
    };
}

TEST(Ping, TheAnswerIsCheckedAndTimed) {
    HostNet host;
    answer_echoes(host);
    with_pinger(host, kPeer, [](ThreadContext& self, Pinger& pinger) {
        for (const std::uint16_t sequence : {std::uint16_t{1}, std::uint16_t{2}}) {
            const Instant sent_at = self.now();
            ASSERT_TRUE(pinger.send(self, sequence, 700));
            const auto answer = pinger.receive(self, Instant::never());
            ASSERT_TRUE(answer);
            EXPECT_EQ(answer->sequence, sequence);
            EXPECT_EQ(answer->bytes, 700U);
            EXPECT_EQ(answer->ttl, 64U);
            EXPECT_TRUE(answer->intact);
            EXPECT_GE(answer->at - sent_at, Duration::from_ms(1));
        }
    });
}

TEST(Ping, ChangedDataAreSeen) {
    HostNet host;
    answer_echoes(host, [](Bytes& reply) { reply.back() ^= 1U; });
    with_pinger(host, kPeer, [](ThreadContext& self, Pinger& pinger) {
        ASSERT_TRUE(pinger.send(self, 1, 56));
        const auto answer = pinger.receive(self, Instant::never());
        ASSERT_TRUE(answer);
        EXPECT_FALSE(answer->intact);
    });
}

TEST(Ping, AnAnswerWithAnotherNumberIsUnsolicited) {
    HostNet host;
    answer_echoes(host, [](Bytes& reply) { reply[4] ^= 1U; });
    with_pinger(host, kPeer, [&host](ThreadContext& self, Pinger& pinger) {
        ASSERT_TRUE(pinger.send(self, 1, 56));
        const auto answer = pinger.receive(self, at_ms(100));
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error(), UdpError::timed_out);
        NetGuard guard{host.net, self};
        EXPECT_EQ(guard->stats.drops(Drop::icmp_unsolicited), 1U);
    });
}

TEST(Ping, AnErrorAboutItEndsTheWait) {
    HostNet host;
    host.machine.machine().at(at_ms(20), [&host](IrqContext& irq) {
        host.link.arriving.push_back(ip_frame(
            {.protocol = 1}, icmp_message(3, 1, 0, slice(host.link.sent.back(), kEther, 28))));
        host.net.post(irq);
    });
    with_pinger(host, kPeer, [](ThreadContext& self, Pinger& pinger) {
        ASSERT_TRUE(pinger.send(self, 1, 56));
        const auto answer = pinger.receive(self, Instant::never());
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error(), UdpError::unreachable);
    });
}

TEST(Ping, EverySizeComesBackFromOurselves) {
    HostNet host;
    with_pinger(host, kBoard, [](ThreadContext& self, Pinger& pinger) {
        for (const std::size_t bytes : {0U, 1U, 1472U, 1473U, 20'000U, 65'507U}) {
            ASSERT_TRUE(pinger.send(self, 7, bytes));
            const auto answer = pinger.receive(self, self.now() + Duration::from_s(1));
            ASSERT_TRUE(answer) << bytes;
            EXPECT_EQ(answer->bytes, bytes);
            EXPECT_TRUE(answer->intact);
        }
        EXPECT_FALSE(pinger.send(self, 7, 65'508));
    });
}

TEST(ArpPing, AsksAnewAndSaysWhoAnswered) {
    HostNet host;
    host.frame_at(at_ms(1), arp_frame({}));
    const MacAddress other{{0x02, 6, 6, 6, 6, 6}};
    host.frame_at(at_ms(20), arp_frame({.operation = 2, .sender_mac = other}));
    host.machine.thread("user", 20, [&](ThreadContext& self) {
        self.sleep_until(at_ms(5));
        const auto mac = arp_ping(host.net, self, kPeer, Instant::never());
        ASSERT_TRUE(mac);
        EXPECT_EQ(*mac, other) << "what was known is not good enough";
        const auto absent = arp_ping(host.net, self, {192, 168, 0, 9}, at_ms(500));
        ASSERT_FALSE(absent);
        EXPECT_EQ(absent.error(), UdpError::timed_out);
        EXPECT_FALSE(arp_ping(host.net, self, {10, 0, 0, 1}, at_ms(500))) << "not on this wire";
    });
    EXPECT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
}

}  // namespace ping_test
}  // namespace kyu::net::test
