// ICMP: echo byte for byte, errors with restraint, hostile quotes.
#include "net/icmp.hpp"

#include <gtest/gtest.h>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {
namespace icmp_test {

Bytes echo_frame(const Bytes& data, const IpFields& fields = {.protocol = 1}) {
    return ip_frame(fields, icmp_message(8, 0, 0x12340001, data));
}

TEST(Icmp, EchoComesBackByteForByte) {
    for (std::size_t n = 0; n <= 1472; n = n < 70 ? n + 1 : n + 467) {
        for (const std::size_t cut :
             {std::size_t{0}, std::size_t{34}, std::size_t{39}, std::size_t{45}}) {
            TestNet world = TestNet::with_address();
            introduce_peer(world);
            world.link.split_at = cut;
            const auto sent = world.exchange(echo_frame(pattern(n)));
            ASSERT_EQ(sent.size(), 1U) << n;
            EXPECT_EQ(slice(sent[0], kEther + kIp), icmp_message(0, 0, 0x12340001, pattern(n)));
            EXPECT_EQ(get32(sent[0], kEther + 16), kPeer.host);
            EXPECT_EQ(get32(sent[0], kEther + 12), kBoard.host);
            EXPECT_EQ(world.segments_used(), 0U);
        }
    }
}

TEST(Icmp, NoPadByteLeaksIntoTheReply) {  // packet case 2, Etherleak
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    Bytes frame = echo_frame({});
    frame.resize(60, 0xAA);
    const auto sent = world.exchange(frame);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].size(), kEther + kIp + 8) << "28 bytes in, 28 bytes out";
    EXPECT_EQ(std::count(sent[0].begin(), sent[0].end(), 0xAA), 0);
}

TEST(Icmp, BrokenEchoesAreDropped) {  // packet case 17
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    for (std::size_t n = 0; n < 8; ++n) {
        EXPECT_TRUE(world.exchange(ip_frame({.protocol = 1}, Bytes(n, 8))).empty());
    }
    EXPECT_EQ(world.drops(Drop::icmp_short), 8U);
    Bytes longer_than_received = echo_frame(pattern(40));
    put16(longer_than_received, kEther + 2, 20 + 8 + 41);
    fix_ip(longer_than_received, kEther);
    EXPECT_TRUE(world.exchange(longer_than_received).empty());
    EXPECT_EQ(world.drops(Drop::ip_total_length), 1U);
    Bytes wrong = echo_frame(pattern(40));
    wrong.back() ^= 1U;
    EXPECT_TRUE(world.exchange(wrong).empty());
    EXPECT_EQ(world.drops(Drop::icmp_checksum), 1U);
}

TEST(Icmp, EchoToAGroupIsNotAnswered) {  // packet case 17, smurf
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    for (const Ipv4 group : {Ipv4{192, 168, 0, 255}, Ipv4{0xFFFFFFFF}, Ipv4{224, 0, 0, 1}}) {
        EXPECT_TRUE(world.exchange(echo_frame({}, {.destination = group, .protocol = 1})).empty());
    }
    EXPECT_EQ(world.drops(Drop::icmp_broadcast), 3U);
}

TEST(Icmp, UnsolicitedRepliesCostNothing) {  // the original lost every buffer after 560 of them
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    for (int i = 0; i < 2000; ++i) {
        EXPECT_TRUE(
            world.exchange(ip_frame({.protocol = 1}, icmp_message(0, 0, 1, pattern(56)))).empty());
    }
    EXPECT_EQ(world.drops(Drop::icmp_unsolicited), 2000U);
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(Icmp, EveryOtherTypeIsCountedAndIgnored) {
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    for (unsigned type = 0; type < 256; ++type) {
        if (type == 8) continue;
        EXPECT_TRUE(world.exchange(ip_frame({.protocol = 1}, icmp_message(type, 0, 0, {}))).empty())
            << type;
    }
    EXPECT_EQ(world.drops(Drop::icmp_bad_quote), 3U) << "errors that quote nothing";
    EXPECT_EQ(world.drops(Drop::icmp_type), 251U);
}

TEST(Icmp, ErrorsThatQuoteTooLittleAreDropped) {  // packet case 18
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    const Bytes ours =
        ip_packet({.source = kBoard, .destination = kPeer, .protocol = 6}, pattern(8));
    for (std::size_t n = 0; n < ours.size(); ++n) {
        world.exchange(ip_frame({.protocol = 1}, icmp_message(3, 1, 0, slice(ours, 0, n))));
    }
    EXPECT_EQ(world.drops(Drop::icmp_bad_quote), ours.size());
    for (const unsigned ihl : {0U, 1U, 4U, 15U}) {
        Bytes bad = ours;
        bad[0] = static_cast<std::uint8_t>(0x40U | ihl);
        world.exchange(ip_frame({.protocol = 1}, icmp_message(3, 1, 0, bad)));
    }
    EXPECT_EQ(world.drops(Drop::icmp_bad_quote), ours.size() + 4);
    Bytes not_ours = ours;
    put32(not_ours, 12, kPeer.host);
    world.exchange(ip_frame({.protocol = 1}, icmp_message(3, 1, 0, not_ours)));
    EXPECT_EQ(world.drops(Drop::icmp_bad_quote), ours.size() + 5) << "we never sent that";
    world.exchange(ip_frame({.protocol = 1}, icmp_message(3, 1, 0, ours)));
    EXPECT_EQ(world.drops(Drop::icmp_bad_quote), ours.size() + 5) << "a whole quote goes to TCP";
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(Icmp, NoErrorIsSentAboutErrorsGroupsOrLaterFragments) {  // RFC 1122 §3.2.2, pitfall D13
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    const auto complaints = [&world](const Bytes& packet, bool group = false) {
        Mbuf m = world.pool.copy_in(as_bytes(packet));
        icmp_unreachable(world.net, Unreachable::protocol, m,
                         {.source = kPeer, .destination = kBoard, .ip_broadcast = group});
        return world.take_sent().size();
    };
    const IpFields icmp{.protocol = 1};
    for (const unsigned type : {0U, 3U, 4U, 5U, 11U, 12U, 13U, 255U}) {
        EXPECT_EQ(complaints(ip_packet(icmp, icmp_message(type, 0, 0, pattern(20)))), 0U) << type;
    }
    EXPECT_EQ(complaints(ip_packet(icmp, {})), 0U) << "cut before its type";
    EXPECT_EQ(complaints(ip_packet({.flags_offset = 1}, pattern(20))), 0U);
    EXPECT_EQ(complaints(ip_packet({}, pattern(20)), true), 0U);
    EXPECT_EQ(complaints(ip_packet(icmp, icmp_message(8, 0, 0, pattern(20)))), 1U) << "a question";
    EXPECT_EQ(complaints(ip_packet({.flags_offset = 0x2000}, pattern(24))), 1U)
        << "the first fragment";
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(Icmp, ErrorsAreLimitedAndNotByANumberThatCanBeCounted) {  // CVE-2020-25705
    std::vector<std::size_t> bursts;
    for (std::uint8_t seed = 1; seed <= 8; ++seed) {
        TestNet world = TestNet::with_address(kBoard, 0x73, seed);
        introduce_peer(world);
        std::size_t answers = 0;
        for (int i = 0; i < 100; ++i) answers += world.exchange(udp_frame(5000, 9, {1})).size();
        bursts.push_back(answers);
        EXPECT_LE(answers, 20U);
        EXPECT_GE(answers, 10U);
        EXPECT_EQ(world.drops(Drop::icmp_rate_limited), 100 - answers);
    }
    std::sort(bursts.begin(), bursts.end());
    EXPECT_NE(bursts.front(), bursts.back());
}

TEST(RateLimit, AllowsABurstAndThenOneAnInterval) {
    RateLimit limit{Duration::from_ms(10), 3};
    const Instant start = Instant::from_us(5);
    const auto allowed = [&](std::int64_t ms) {
        int n = 0;
        while (limit.allow(start + Duration::from_ms(ms))) ++n;
        return n;
    };
    EXPECT_EQ(allowed(0), 3);
    EXPECT_EQ(allowed(9), 0);
    EXPECT_EQ(allowed(10), 1);
    EXPECT_EQ(allowed(25), 1);
    EXPECT_EQ(allowed(100'000), 3) << "never more than the burst";
}

}  // namespace icmp_test
}  // namespace kyu::net::test
