// ARP: who is believed, who is answered, and what a flood costs.
#include "net/arp.hpp"

#include <gtest/gtest.h>

#include "net/frames_test_support.hpp"
#include "net/wire/arp.hpp"

namespace kyu::net::test {
namespace arp_test {

Status<SendError> send_to(TestNet& world, Ipv4 to, std::size_t bytes = 32) {
    return ip_output(world.net, {.source = {}, .destination = to, .protocol = IpProtocol::udp},
                     world.pool.copy_in(as_bytes(pattern(bytes))));
}

bool is_arp(const Bytes& frame, unsigned operation) {
    return get16(frame, 12) == 0x0806 && get16(frame, kEther + 6) == operation;
}

Ipv4 neighbour(unsigned n) { return Ipv4{kPeer.host + n}; }

/// A board on a /16, so that there are strangers enough.
TestNet wide_world() {
    TestNet world = TestNet::with_address();
    world.net.interface.prefix_bits = 16;
    return world;
}

TEST(Arp, ARequestForUsIsAnsweredToTheAsker) {
    TestNet world = TestNet::with_address();
    const auto sent = world.exchange(arp_frame({}, MacAddress::broadcast()));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0], ether_frame(kPeerMac, kBoardMac, 0x0806,
                                   arp_packet({.operation = 2,
                                               .sender_mac = kBoardMac,
                                               .sender = kBoard,
                                               .target_mac = kPeerMac,
                                               .target = kPeer})));
    ASSERT_NE(world.net.arp.find(kPeer), nullptr) << "RFC 826: the asker will be sent to soon";
}

TEST(Arp, ARequestForAnotherHostTeachesNothing) {
    TestNet world = TestNet::with_address();
    EXPECT_TRUE(
        world.exchange(arp_frame({.target = neighbour(9)}, MacAddress::broadcast())).empty());
    EXPECT_EQ(world.net.arp.find(kPeer), nullptr);
    EXPECT_EQ(world.drops(Drop::arp_not_for_us), 1U);
}

TEST(Arp, MalformedPacketsAreDropped) {  // packet case 3
    const Bytes whole = arp_packet({});
    for (std::size_t n = 0; n < whole.size(); ++n) {
        TestNet world = TestNet::with_address();
        EXPECT_TRUE(
            world.exchange(ether_frame(kBoardMac, kPeerMac, 0x0806, slice(whole, 0, n))).empty());
        EXPECT_EQ(world.drops(Drop::arp_short), 1U) << n;
    }
    struct Wrong {
        std::size_t at;
        std::uint8_t value;
    };
    for (const Wrong w : {Wrong{1, 6}, Wrong{2, 0x86}, Wrong{4, 0}, Wrong{4, 255}, Wrong{5, 16},
                          Wrong{5, 0}, Wrong{7, 3}, Wrong{7, 0}, Wrong{6, 1}}) {
        TestNet world = TestNet::with_address();
        Bytes packet = whole;
        packet[w.at] = w.value;
        EXPECT_TRUE(world.exchange(ether_frame(kBoardMac, kPeerMac, 0x0806, packet)).empty());
        EXPECT_EQ(world.drops(Drop::arp_format), 1U);
        EXPECT_EQ(world.net.arp.find(kPeer), nullptr);
    }
}

TEST(Arp, ImpossibleSendersAreDropped) {
    TestNet world = TestNet::with_address();
    const std::array senders{ArpFields{.sender_mac = MacAddress::broadcast()},
                             ArpFields{.sender_mac = MacAddress{}},
                             ArpFields{.sender = Ipv4{224, 0, 0, 5}},
                             ArpFields{.sender = Ipv4{127, 0, 0, 1}},
                             ArpFields{.sender = Ipv4{0xFFFFFFFF}},
                             ArpFields{.sender = Ipv4{192, 168, 0, 255}},
                             ArpFields{.sender = Ipv4{10, 1, 1, 1}}};
    for (const ArpFields& f : senders) {
        EXPECT_TRUE(
            world.exchange(ether_frame(kBoardMac, kPeerMac, 0x0806, arp_packet(f))).empty());
    }
    EXPECT_EQ(world.drops(Drop::arp_bad_sender), senders.size());
}

TEST(Arp, UnsolicitedRepliesAreNeverAdopted) {  // packet case 4
    TestNet world = TestNet::with_address();
    EXPECT_TRUE(world.exchange(arp_frame({.operation = 2})).empty());
    EXPECT_EQ(world.net.arp.find(kPeer), nullptr);
    introduce_peer(world);
    const MacAddress thief{{0x02, 6, 6, 6, 6, 6}};
    world.exchange(arp_frame({.operation = 2, .sender_mac = thief}));
    EXPECT_EQ(world.net.arp.find(kPeer)->mac, kPeerMac);
    EXPECT_EQ(world.drops(Drop::arp_unsolicited), 2U);
    world.exchange(arp_frame({.operation = 4, .sender_mac = thief}));
    EXPECT_EQ(world.drops(Drop::arp_format), 1U) << "a reverse-ARP reply gives nobody an address";
    EXPECT_EQ(world.net.interface.address, kBoard);
}

TEST(Arp, AnAnnouncementOfANewAddressIsCheckedNotBelieved) {
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    const MacAddress other{{0x02, 6, 6, 6, 6, 6}};
    const auto asked =
        world.exchange(arp_frame({.sender_mac = other, .target = kPeer}, MacAddress::broadcast()));
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_TRUE(is_arp(asked[0], 1));
    EXPECT_EQ(world.net.arp.find(kPeer)->mac, kPeerMac) << "the old one goes on until answered";
    world.exchange(arp_frame({.operation = 2, .sender_mac = other}));
    EXPECT_EQ(world.net.arp.find(kPeer)->mac, other) << "now it was asked for";
}

TEST(Arp, WhoOnlyAsksIsForgottenSoon) {  // packet case 6
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    world.advance(kArpUnused - Duration::from_s(1));
    EXPECT_NE(world.net.arp.find(kPeer), nullptr);
    world.advance(Duration::from_s(1));
    EXPECT_EQ(world.net.arp.find(kPeer), nullptr);
}

TEST(Arp, AHostThatAsksForUsWithAnotherMacIsAskedToo) {  // packet case 4
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    const MacAddress thief{{0x02, 6, 6, 6, 6, 6}};
    std::size_t asked = 0;
    for (int i = 0; i < 1000; ++i) {
        for (const Bytes& frame : world.exchange(arp_frame({.sender_mac = thief}))) {
            asked += is_arp(frame, 1) ? 1 : 0;
        }
        EXPECT_EQ(world.net.arp.find(kPeer)->mac, kPeerMac);
        world.exchange(arp_frame({.operation = 2}));
    }
    EXPECT_GE(asked, 1U);
    EXPECT_LE(asked, 4U) << "lies are no storm of questions";
}

TEST(Arp, AProbeForOurAddressIsAnsweredOnceASecond) {  // packet case 5, RFC 5227 §2.1.1
    TestNet world = TestNet::with_address();
    std::size_t answers = 0;
    for (int i = 0; i < 1000; ++i) answers += world.exchange(arp_frame({.sender = Ipv4{}})).size();
    EXPECT_EQ(answers, 1U);
    EXPECT_EQ(world.net.arp.find(Ipv4{}), nullptr);
}

TEST(Arp, PacketsWaitForTheAnswerInOrder) {
    TestNet world = TestNet::with_address();
    for (std::size_t i = 0; i < kArpHeldMax; ++i) EXPECT_TRUE(send_to(world, kPeer, 10 + i));
    auto sent = world.take_sent();
    ASSERT_EQ(sent.size(), 1U) << "one question, however many packets";
    EXPECT_TRUE(is_arp(sent[0], 1));
    sent = world.exchange(arp_frame({.operation = 2}));
    ASSERT_EQ(sent.size(), kArpHeldMax);
    for (std::size_t i = 0; i < kArpHeldMax; ++i) {
        EXPECT_EQ(sent[i].size(), kEther + kIp + 10 + i);
        EXPECT_EQ(slice(sent[i], 0, 6), Bytes(kPeerMac.bytes.begin(), kPeerMac.bytes.end()));
    }
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(Arp, AHostThatDoesNotAnswerIsAskedThreeTimesAndThenLeftAlone) {
    TestNet world = TestNet::with_address();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(send_to(world, kPeer));
    EXPECT_EQ(world.drops(Drop::arp_hold_full), 10 - kArpHeldMax);
    world.advance(kArpRetry * 3 - Duration::from_ms(1));
    EXPECT_EQ(world.take_sent().size(), kArpTries);
    world.advance(Duration::from_ms(2));
    EXPECT_EQ(world.segments_used(), 0U) << "what waited is freed";
    EXPECT_EQ(world.drops(Drop::arp_no_answer), kArpHeldMax);
    const auto refused = send_to(world, kPeer);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), SendError::no_route);
    EXPECT_TRUE(world.take_sent().empty()) << "absent hosts are not asked for at every packet";
    world.advance(kArpAbsent);
    EXPECT_TRUE(send_to(world, kPeer));
    EXPECT_EQ(world.take_sent().size(), 1U) << "but asked for again after a while";
}

TEST(Arp, AnOldAnswerIsUsedWhileItIsAskedForAgain) {
    TestNet world = TestNet::with_address();
    introduce_peer(world);
    EXPECT_TRUE(send_to(world, kPeer));
    world.take_sent();
    world.advance(kArpFresh + Duration::from_s(1));
    EXPECT_TRUE(world.take_sent().empty()) << "nobody uses it: nobody asks";
    EXPECT_TRUE(send_to(world, kPeer));
    const auto sent = world.take_sent();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_TRUE(is_arp(sent[0], 1));
    EXPECT_EQ(get16(sent[1], 12), 0x0800U);
    world.exchange(arp_frame({.operation = 2}));
    EXPECT_EQ(world.net.arp.find(kPeer)->state, ArpEntry::State::reachable);
    world.advance(kArpIdle + kArpFresh);
    EXPECT_EQ(world.net.arp.find(kPeer), nullptr) << "and forgotten when unused for long";
}

TEST(Arp, AFloodOfAskersLeavesLiveEntriesAlone) {  // packet case 6
    TestNet world = wide_world();
    introduce_peer(world);
    ASSERT_TRUE(send_to(world, kPeer));
    for (unsigned i = 1; i < 100'000; i = i < 1000 ? i + 1 : i + 97) {
        const Ipv4 stranger{0xC0A8'0100U + i % 0xFE00U};
        world.exchange(arp_frame({.sender = stranger}));
    }
    ASSERT_NE(world.net.arp.find(kPeer), nullptr);
    EXPECT_EQ(world.net.arp.find(kPeer)->state, ArpEntry::State::reachable);
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(Arp, AThousandAbsentHostsCostABoundedNumberOfBuffers) {  // packet case 6
    TestNet world = wide_world();
    introduce_peer(world);
    ASSERT_TRUE(send_to(world, kPeer));
    world.take_sent();
    for (unsigned i = 0; i < 1000; ++i) {
        for (int k = 0; k < 6; ++k) static_cast<void>(send_to(world, Ipv4{0xC0A8'0100U + i}));
        EXPECT_LE(world.segments_used(), kArpEntries * kArpHeldMax);
    }
    EXPECT_GT(world.drops(Drop::arp_evicted), 0U);
    EXPECT_NE(world.net.arp.find(kPeer), nullptr);
    world.advance(Duration::from_s(60));
    EXPECT_EQ(world.segments_used(), 0U);
}

TEST(Arp, TheAddressIsAnnouncedWhenItComesUp) {
    TestNet world;
    world.link.address = kBoardMac;
    NetConfig config;
    config.source = NetConfig::Source::fixed;
    world.configure(config);
    const auto sent = world.take_sent();
    ASSERT_GE(sent.size(), 1U);
    EXPECT_EQ(
        sent[0],
        ether_frame(MacAddress::broadcast(), kBoardMac, 0x0806,
                    arp_packet({.sender_mac = kBoardMac, .sender = kBoard, .target = kBoard})));
}

TEST(Arp, NothingIsAnsweredWithoutAnAddress) {
    TestNet world;
    world.net.interface.attach();
    world.link.address = kBoardMac;
    world.net.interface.attach();
    EXPECT_TRUE(world.exchange(arp_frame({.target = Ipv4{}})).empty());
    EXPECT_TRUE(world.exchange(arp_frame({})).empty());
}

}  // namespace arp_test
}  // namespace kyu::net::test
