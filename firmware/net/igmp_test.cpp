// IGMPv2: groups joined, told, and left; what a hostile router gets.
#include "net/igmp.hpp"

#include <gtest/gtest.h>

#include <random>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {
namespace igmp_test {

constexpr Ipv4 kGroup{239, 1, 2, 3};
constexpr Ipv4 kOther{239, 1, 2, 4};
constexpr Ipv4 kRouters{224, 0, 0, 2};
constexpr unsigned kQuery = 0x11;
constexpr unsigned kReport = 0x16;
constexpr unsigned kLeave = 0x17;

Bytes igmp_message(unsigned type, unsigned tenths, Ipv4 group) {
    Bytes m(8);
    m[0] = static_cast<std::uint8_t>(type);
    m[1] = static_cast<std::uint8_t>(tenths);
    put32(m, 4, group.host);
    put16(m, 2, slow_checksum(m));
    return m;
}

Bytes group_frame(Ipv4 to, const Bytes& message, unsigned protocol = 2, Ipv4 from = kPeer) {
    return ether_frame(
        group_mac(to), kPeerMac, 0x0800,
        ip_packet({.source = from, .destination = to, .protocol = protocol}, message));
}

class IgmpTest : public ::testing::Test {
protected:
    TestNet world_ = TestNet::with_address();

    void TearDown() override { EXPECT_EQ(world_.segments_used(), 0U); }

    void join(Ipv4 group = kGroup) {
        ASSERT_TRUE(igmp_join(world_.net, group));
        world_.advance(kIgmpRepeat);
        world_.take_sent();
    }
    void query(unsigned tenths, Ipv4 group = {}) {
        world_.inject(
            group_frame(group.is_any() ? kAllHosts : group, igmp_message(kQuery, tenths, group)));
        world_.settle();
    }
    /// Every message sent since the last look, checked as a router would.
    std::vector<std::pair<unsigned, Ipv4>> told() {
        std::vector<std::pair<unsigned, Ipv4>> all;
        for (const Bytes& f : world_.take_sent()) {
            const Ipv4 to{get32(f, kEther + 16)};
            EXPECT_EQ(f[kEther], 0x46U) << "one option";
            EXPECT_EQ(slice(f, kEther + 20, 4), (Bytes{148, 4, 0, 0})) << "RFC 2113";
            EXPECT_EQ(f[kEther + 8], 1U) << "TTL";
            EXPECT_EQ(f[kEther + 9], 2U);
            EXPECT_EQ(slow_checksum(slice(f, kEther, 24)), 0U);
            const Bytes m = slice(f, kEther + 24);
            EXPECT_EQ(m.size(), 8U);
            EXPECT_EQ(slow_checksum(m), 0U);
            const Ipv4 group{get32(m, 4)};
            EXPECT_EQ(to, m[0] == kLeave ? kRouters : group);
            const MacAddress mac = group_mac(to);
            EXPECT_EQ(slice(f, 0, 6), Bytes(mac.bytes.begin(), mac.bytes.end()));
            all.emplace_back(m[0], group);
        }
        return all;
    }
    using Told = std::vector<std::pair<unsigned, Ipv4>>;
};

TEST_F(IgmpTest, AJoinIsToldAtOnceAndOnceMore) {
    ASSERT_TRUE(igmp_join(world_.net, kGroup));
    EXPECT_EQ(told(), (Told{{kReport, kGroup}}));
    world_.advance(kIgmpRepeat);
    EXPECT_EQ(told(), (Told{{kReport, kGroup}}));
    world_.advance(Duration::from_s(3600));
    EXPECT_TRUE(told().empty());
}

TEST_F(IgmpTest, AQueryIsAnsweredWithinItsTimeForEveryGroup) {
    join(kGroup);
    join(kOther);
    query(20);
    EXPECT_TRUE(told().empty()) << "not at once: every host would";
    world_.advance(Duration::from_s(2));
    EXPECT_EQ(told().size(), 2U);
    query(20, kOther);
    world_.advance(Duration::from_s(2));
    EXPECT_EQ(told(), (Told{{kReport, kOther}})) << "only the one that was asked for";
}

TEST_F(IgmpTest, ARouterOfVersionOneMeansTenSeconds) {
    join();
    query(0);
    world_.advance(Duration::from_s(10));
    EXPECT_EQ(told(), (Told{{kReport, kGroup}}));
}

TEST_F(IgmpTest, AnotherHostsReportMakesOursUnnecessary) {
    join();
    query(100);
    world_.exchange(group_frame(kGroup, igmp_message(kReport, 0, kGroup)));
    world_.advance(Duration::from_s(20));
    EXPECT_TRUE(told().empty());
    igmp_leave(world_.net, kGroup);
    EXPECT_TRUE(told().empty()) << "RFC 2236 §3: the last reporter tells the leave";
}

TEST_F(IgmpTest, TheLastUserOfAGroupLeavesIt) {
    join();
    ASSERT_TRUE(igmp_join(world_.net, kGroup));
    EXPECT_TRUE(told().empty()) << "a member already";
    igmp_leave(world_.net, kGroup);
    EXPECT_TRUE(told().empty());
    EXPECT_TRUE(world_.net.igmp.is_member(kGroup));
    igmp_leave(world_.net, kGroup);
    EXPECT_EQ(told(), (Told{{kLeave, kGroup}}));
    EXPECT_FALSE(world_.net.igmp.is_member(kGroup));
    igmp_leave(world_.net, kGroup);
    EXPECT_TRUE(told().empty()) << "leaving twice is leaving once";
}

TEST_F(IgmpTest, TheLinkLetsGroupsInWhileThereAreAny) {
    EXPECT_FALSE(world_.link.groups);
    join(kGroup);
    join(kOther);
    igmp_leave(world_.net, kGroup);
    EXPECT_TRUE(world_.link.groups);
    igmp_leave(world_.net, kOther);
    EXPECT_FALSE(world_.link.groups);
    told();
}

TEST_F(IgmpTest, TheTableIsBounded) {
    for (std::size_t i = 0; i < kIgmpGroups; ++i) {
        EXPECT_TRUE(igmp_join(world_.net, Ipv4{kGroup.host + static_cast<std::uint32_t>(i)}));
    }
    EXPECT_FALSE(igmp_join(world_.net, Ipv4{kGroup.host + 99}));
    EXPECT_TRUE(igmp_join(world_.net, kAllHosts)) << "takes no place";
    told();
}

TEST_F(IgmpTest, DatagramsReachOnlyThePortThatJoined) {
    constexpr std::uint16_t kPort = 4000;
    auto id = world_.net.udp.bind(kPort, nullptr, 0);
    ASSERT_TRUE(id);
    UdpPort& port = *world_.net.udp.get(*id);
    const Bytes frame =
        group_frame(kGroup, udp_datagram(kPeer, kGroup, 5000, kPort, pattern(9)), 17);
    world_.exchange(frame);
    EXPECT_EQ(world_.drops(Drop::ether_foreign), 1U) << "the link's filter is a coarse one";
    join();
    EXPECT_TRUE(world_.exchange(frame).empty());
    EXPECT_EQ(world_.drops(Drop::udp_foreign), 1U) << "somebody else joined";
    port.groups[0] = kGroup;
    world_.exchange(frame);
    ASSERT_EQ(port.queue.size(), 1U);
    EXPECT_EQ(port.queue.pop().to, kGroup);
    world_.net.udp.unbind(*id);
}

TEST_F(IgmpTest, WhatNoRouterSendsIsDroppedAndCounted) {
    join();
    const Bytes good = igmp_message(kQuery, 10, {});
    for (std::size_t n = 0; n < good.size(); ++n) {
        world_.exchange(group_frame(kAllHosts, slice(good, 0, n)));
    }
    EXPECT_EQ(world_.drops(Drop::igmp_short), 8U);
    Bytes wrong = good;
    wrong[3] ^= 1U;
    world_.exchange(group_frame(kAllHosts, wrong));
    EXPECT_EQ(world_.drops(Drop::igmp_checksum), 1U);
    world_.exchange(group_frame(kAllHosts, igmp_message(0x42, 10, {})));
    EXPECT_EQ(world_.drops(Drop::igmp_type), 1U);
    world_.exchange(group_frame(kAllHosts, igmp_message(kQuery, 10, kPeer)));
    world_.exchange(group_frame(kGroup, igmp_message(kQuery, 10, {})));
    world_.exchange(group_frame(kGroup, igmp_message(kReport, 0, kOther)));
    world_.exchange(group_frame(kGroup, igmp_message(kReport, 0, kGroup), 2, Ipv4{10, 9, 8, 7}));
    EXPECT_EQ(world_.drops(Drop::igmp_bad_group), 4U);
    world_.advance(Duration::from_s(60));
    EXPECT_TRUE(told().empty()) << "none of them was answered";
}

TEST_F(IgmpTest, RandomMessagesAreSurvivedAndAnsweredSparingly) {
    join();
    std::mt19937 random{3};
    std::size_t sent = 0;
    for (int i = 0; i < 20'000; ++i) {
        Bytes m(random() % 24);
        for (std::uint8_t& b : m) b = static_cast<std::uint8_t>(random());
        if (m.size() >= 8) {
            m[0] = static_cast<std::uint8_t>(random() % 0x30);
            if (random() % 2 == 0) put32(m, 4, random() % 2 == 0 ? 0 : kGroup.host);
            put16(m, 2, 0);
            put16(m, 2, slow_checksum(m));
        }
        sent += world_.exchange(group_frame(random() % 2 == 0 ? kAllHosts : kGroup, m)).size();
        world_.advance(Duration::from_ms(1));
        sent += world_.take_sent().size();
    }
    EXPECT_LE(sent, 20'000U / 2) << "no more than one answer for each query";
}

}  // namespace igmp_test
}  // namespace kyu::net::test
