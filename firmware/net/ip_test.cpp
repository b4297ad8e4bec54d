// IPv4: what is dropped, what is delivered, and where packets are sent.
#include "net/ip.hpp"

#include <gtest/gtest.h>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {
namespace ip_test {

constexpr std::uint16_t kPort = kBoundPort;

class IpTest : public BoundUdp {
protected:
    static Bytes good() { return udp_frame(5000, kPort, pattern(20)); }
    void expect_drop(const Bytes& frame, Drop reason) {
        const std::uint64_t before = world_.drops(reason);
        const std::size_t was = queued();
        EXPECT_TRUE(world_.exchange(frame).empty()) << to_text(reason) << ": silence";
        EXPECT_EQ(world_.drops(reason), before + 1) << to_text(reason);
        EXPECT_EQ(queued(), was);
    }
};

TEST_F(IpTest, AGoodPacketIsDeliveredHoweverItIsSplit) {  // cases (e)
    const Bytes frame = good();
    for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
        world_.link.split_at = cut;
        EXPECT_TRUE(world_.exchange(frame).empty());
        ASSERT_EQ(queued(), 1U) << "split at " << cut;
        const UdpDatagram d = world_.net.udp.get(id_)->queue.pop();
        EXPECT_EQ(flatten(d.payload), pattern(20)) << "split at " << cut;
        EXPECT_EQ(d.from, (Endpoint{kPeer, 5000}));
    }
}

TEST_F(IpTest, WrongHeaderFieldsAreDroppedBeforeAnySubtraction) {  // packet case 7
    for (unsigned version = 0; version < 16; ++version) {
        if (version == 4) continue;
        Bytes f = good();
        f[kEther] = static_cast<std::uint8_t>((version << 4U) | 5U);
        expect_drop(f, Drop::ip_version);
    }
    for (unsigned ihl = 0; ihl < 5; ++ihl) {
        Bytes f = good();
        f[kEther] = static_cast<std::uint8_t>(0x40U | ihl);
        expect_drop(f, Drop::ip_header_length);
    }
    Bytes beyond = slice(good(), 0, kEther + 24);
    beyond[kEther] = 0x4F;  // 60 bytes of header in a 24-byte packet
    expect_drop(beyond, Drop::ip_header_length);
    for (const unsigned total : {0U, 19U, 1000U, 65535U}) {
        Bytes f = good();
        put16(f, kEther + 2, total);
        fix_ip(f, kEther);
        expect_drop(f, Drop::ip_total_length);
    }
    Bytes shorter_than_header = ip_frame({.options = Bytes(40, 1)}, pattern(8));
    put16(shorter_than_header, kEther + 2, 59);
    fix_ip(shorter_than_header, kEther);
    expect_drop(shorter_than_header, Drop::ip_total_length);
}

TEST_F(IpTest, ABadHeaderChecksumIsDroppedForEveryBit) {  // packet case 8
    for (std::size_t bit = 0; bit < 16; ++bit) {
        Bytes f = good();
        f[kEther + 10 + bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        expect_drop(f, Drop::ip_checksum);
    }
}

TEST_F(IpTest, ImpossibleSourcesAreNeverAnswered) {  // packet case 10
    for (const Ipv4 source : {kBoard, Ipv4{0xFFFFFFFF}, Ipv4{192, 168, 0, 255}, Ipv4{224, 0, 0, 1},
                              Ipv4{0, 0, 0, 0}, Ipv4{127, 0, 0, 1}, Ipv4{127, 255, 0, 1}}) {
        expect_drop(ip_frame({.source = source, .protocol = 1}, icmp_message(8, 0, 7, {})),
                    Drop::ip_bad_source);
    }
}

TEST_F(IpTest, PacketsForOthersAreDropped) {
    expect_drop(ip_frame({.destination = {192, 168, 0, 74}}, pattern(8)), Drop::ip_not_ours);
    expect_drop(ip_frame({.destination = {224, 0, 0, 9}}, pattern(8)), Drop::ip_not_ours);
    expect_drop(ip_frame({.destination = {127, 0, 0, 1}}, pattern(8)), Drop::ip_bad_destination);
    expect_drop(ip_frame({.destination = {}}, pattern(8)), Drop::ip_bad_destination);
    Bytes to_everybody = good();
    std::fill_n(to_everybody.begin(), 6, std::uint8_t{0xFF});
    expect_drop(to_everybody, Drop::ip_bad_destination);
}

TEST_F(IpTest, OptionsAreSteppedOverAndSourceRoutesRefused) {
    const Bytes datagram = udp_datagram(kPeer, kBoard, 5000, kPort, pattern(4));
    const std::array harmless{Bytes(40, 1),                    // 40 times "nothing"
                              Bytes{7, 7, 4, 0, 0, 0, 0, 0},   // record route
                              Bytes{68, 8, 5, 0, 0, 0, 0, 0},  // timestamps
                              Bytes{148, 4, 0, 0},             // router alert
                              Bytes{131 - 1, 4, 0, 0},         // unknown, and whole
                              Bytes{0, 131, 4, 4}};            // a route behind the end mark
    for (const Bytes& options : harmless) {
        EXPECT_TRUE(world_.exchange(ip_frame({.options = options}, datagram)).empty());
        EXPECT_EQ(queued(), 1U);
        world_.net.udp.get(id_)->queue.clear();
    }
    expect_drop(ip_frame({.options = {131, 7, 4, 10, 0, 0, 1, 0}}, datagram),
                Drop::ip_source_route);
    expect_drop(ip_frame({.options = {1, 137, 3, 4}}, datagram), Drop::ip_source_route);
}

TEST_F(IpTest, AnOptionThatLiesAboutItsLengthIsToldToItsSender) {  // RFC 1122 §3.2.2.5
    const Bytes datagram = udp_datagram(kPeer, kBoard, 5000, kPort, pattern(4));
    struct Lie {
        Bytes options;
        unsigned at;
    };
    const std::array lies{Lie{{68, 0, 0, 0}, 20}, Lie{{68, 1, 131, 0}, 20}, Lie{{1, 1, 1, 130}, 23},
                          Lie{{1, 68, 255, 0}, 21}};
    for (const Lie& lie : lies) {
        const Bytes packet = ip_packet({.options = lie.options}, datagram);
        const auto sent = world_.exchange(ether_frame(kBoardMac, kPeerMac, 0x0800, packet));
        ASSERT_EQ(sent.size(), 1U);
        EXPECT_EQ(slice(sent[0], kEther + kIp),
                  icmp_message(12, 0, std::uint32_t{lie.at} << 24U, slice(packet, 0, 32)));
        EXPECT_EQ(queued(), 0U);
    }
    EXPECT_EQ(world_.drops(Drop::ip_option), lies.size());
}

TEST_F(IpTest, UnknownProtocolsGetOneRateLimitedAnswer) {  // packet case 16
    std::size_t answers = 0;
    for (unsigned protocol = 0; protocol < 256; ++protocol) {
        if (protocol == 1 || protocol == 2 || protocol == 6 || protocol == 17) continue;
        for (const Bytes& reply : world_.exchange(ip_frame({.protocol = protocol}, pattern(40)))) {
            ++answers;
            EXPECT_EQ(reply[kEther + kIp], 3U);
            EXPECT_EQ(reply[kEther + kIp + 1], 2U) << "protocol unreachable";
        }
    }
    EXPECT_LE(answers, 20U) << "a burst, then silence";
    EXPECT_GE(answers, 10U);
    EXPECT_EQ(world_.drops(Drop::ip_protocol), 252U);
}

TEST_F(IpTest, IpInIpIsNotUnwrapped) {  // packet case 16
    Bytes nested = ip_packet({}, udp_datagram(kPeer, kBoard, 5000, kPort, {}));
    for (int depth = 0; depth < 60; ++depth) nested = ip_packet({.protocol = 4}, nested);
    world_.exchange(ether_frame(kBoardMac, kPeerMac, 0x0800, nested));
    EXPECT_EQ(queued(), 0U);
}

Bytes sent_to(TestNet& world, Ipv4 destination) {
    const auto status = ip_output(
        world.net, {.source = {}, .destination = destination, .protocol = IpProtocol::udp},
        world.pool.copy_in(as_bytes(pattern(9))));
    EXPECT_TRUE(status);
    auto sent = world.take_sent();
    return sent.empty() ? Bytes{} : sent.back();
}

TEST(IpOutput, OnLinkThroughTheGatewayAndToEverybody) {
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    introduce_peer(world, Ipv4{192, 168, 0, 9}, MacAddress{{2, 0, 0, 0, 0, 9}});
    EXPECT_EQ(sent_to(world, {192, 168, 0, 9})[5], 9U);
    EXPECT_EQ(sent_to(world, {8, 8, 8, 8})[5], 1U) << "by way of the gateway";
    EXPECT_EQ(slice(sent_to(world, {192, 168, 0, 255}), 0, 6), Bytes(6, 0xFF));
    EXPECT_EQ(slice(sent_to(world, Ipv4{0xFFFFFFFF}), 0, 6), Bytes(6, 0xFF));
    EXPECT_EQ(slice(sent_to(world, {224, 129, 2, 3}), 0, 6), (Bytes{1, 0, 0x5e, 1, 2, 3}));
    const Bytes frame = sent_to(world, kPeer);
    EXPECT_EQ(slow_checksum(slice(frame, kEther, kIp)), 0U) << "the header sums to nothing";
    EXPECT_EQ(get16(frame, kEther + 6), 0x4000U);
}

TEST(IpOutput, RefusesWhatCannotBeSent) {
    TestNet world = TestNet::with_address();
    const auto attempt = [&](Ipv4 to, std::size_t bytes) {
        const auto s =
            ip_output(world.net, {.source = {}, .destination = to, .protocol = IpProtocol::udp},
                      world.pool.copy_in(as_bytes(pattern(bytes))));
        return s ? std::string_view{"sent"}
                 : std::array<std::string_view, 6>{"no_route",  "no_memory", "link_down",
                                                   "ring_full", "too_big",   "no_address"}
                       [static_cast<std::size_t>(s.error())];
    };
    EXPECT_EQ(attempt(Ipv4{}, 1), "no_route");
    EXPECT_EQ(attempt(kPeer, 1481), "too_big");
    introduce_peer(world);
    EXPECT_EQ(attempt(kPeer, 1480), "sent");
    world.link.room = 0;
    EXPECT_EQ(attempt(kPeer, 1), "ring_full");
    world.link.is_up = false;
    EXPECT_EQ(attempt(kPeer, 1), "link_down");
    world.net.interface.gateway = Ipv4{};
    EXPECT_EQ(attempt({8, 8, 8, 8}, 1), "no_route");
    world.net.interface.address = Ipv4{};
    EXPECT_EQ(attempt(kPeer, 1), "no_address");
    const auto empty = ip_output(
        world.net, {.source = {}, .destination = kPeer, .protocol = IpProtocol::udp}, Mbuf{});
    EXPECT_FALSE(empty) << "a failed allocation may be passed straight on";
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(IpOutput, LeavesChecksumsToALinkThatMakesThem) {
    TestNet world = TestNet::with_address();
    world.link.checksums = true;
    world.net.interface.attach();
    introduce_peer(world);
    EXPECT_FALSE(transport_checksum_needed(world.net, kPeer));
    EXPECT_TRUE(transport_checksum_needed(world.net, kBoard)) << "no link on the way to ourselves";
    EXPECT_TRUE(transport_checksum_needed(world.net, {127, 0, 0, 1}));
    EXPECT_EQ(get16(sent_to(world, kPeer), kEther + 10), 0U);
}

TEST(Loopback, IsQueuedAndDeliveredByTheNetThread) {
    TestNet world = TestNet::with_address();
    auto id = world.net.udp.bind(kPort, nullptr, 0);
    ASSERT_TRUE(id);
    for (const Ipv4 to : {kBoard, Ipv4{127, 0, 0, 1}}) {
        ASSERT_TRUE(udp_output(world.net, {}, 99, {to, kPort}, world.pool.copy_in(as_bytes({7}))));
        EXPECT_TRUE(world.net.udp.get(*id)->queue.empty()) << "not from inside the sender";
        EXPECT_EQ(net_next_deadline(world.net), world.net.now());
        world.settle();
        ASSERT_EQ(world.net.udp.get(*id)->queue.size(), 1U);
        EXPECT_EQ(world.net.udp.get(*id)->queue.pop().from.address, to);
    }
    EXPECT_TRUE(world.link.sent.empty());
}

TEST(Loopback, AFloodToOurselvesIsBounded) {
    TestNet world = TestNet::with_address();
    std::size_t refused = 0;
    for (int i = 0; i < 1000; ++i) {
        if (!udp_output(world.net, {}, 99, {kBoard, 9}, world.pool.copy_in(as_bytes({7}))))
            ++refused;
    }
    EXPECT_EQ(refused, 1000 - kLoopbackPacketsMax);
    world.settle();
    EXPECT_EQ(world.segments_used(), 0U);
}

}  // namespace ip_test
}  // namespace kyu::net::test
