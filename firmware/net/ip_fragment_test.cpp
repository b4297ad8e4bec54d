// Fragments: datagrams put together in any order, hostile ones dropped, large ones sent.
#include "net/ip_fragment.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "net/fragments_test_support.hpp"

namespace kyu::net::test {
namespace ip_fragment_test {

constexpr std::uint16_t kPort = kBoundPort;

class FragmentTest : public BoundUdp {
protected:
    void TearDown() override {
        introduce_peer(world_);
        world_.advance(kReassemblyPatience + Duration::from_s(1));
        BoundUdp::TearDown();
        EXPECT_EQ(world_.net.reassembly.memory(), 0U);
        EXPECT_EQ(world_.net.reassembly.datagrams(), 0U);
    }
    static Bytes datagram(std::size_t bytes) {
        return udp_datagram(kPeer, kBoard, 5000, kPort, pattern(bytes));
    }
    /// Nothing is answered, and it is counted as `reason`.
    void expect_drop(const Bytes& frame, Drop reason) {
        const std::uint64_t before = world_.drops(reason);
        EXPECT_TRUE(world_.exchange(frame).empty()) << to_text(reason);
        EXPECT_EQ(world_.drops(reason), before + 1) << to_text(reason);
        EXPECT_EQ(queued(), 0U);
    }
};

TEST_F(FragmentTest, EveryOrderOfArrivalGivesTheSameDatagram) {
    const Bytes whole = datagram(100);
    const auto cuts = cuts_of(whole.size(), 24);
    ASSERT_EQ(cuts.size(), 5U);
    std::vector<std::size_t> order(cuts.size());
    std::iota(order.begin(), order.end(), 0U);
    unsigned id = 0;
    do {
        ++id;
        for (std::size_t i = 0; i < order.size(); ++i) {
            EXPECT_EQ(queued(), 0U);
            EXPECT_TRUE(world_.exchange(fragment_frame(whole, cuts[order[i]], id)).empty());
        }
        ASSERT_EQ(queued(), 1U);
        EXPECT_EQ(read(), pattern(100));
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(world_.net.stats.ip_reassembled, 120U);
}

TEST_F(FragmentTest, DatagramsOfTwoSendersAndProtocolsAreNotMixed) {
    const Bytes mine = datagram(40);
    const Ipv4 other{192, 168, 0, 9};
    const Bytes theirs = udp_datagram(other, kBoard, 5000, kPort, Bytes(40, 0x55));
    world_.exchange(fragment_frame(mine, {0, 24, true}));
    world_.exchange(fragment_frame(theirs, {24, 48, false}, 7, {.source = other}));
    world_.exchange(fragment_frame(theirs, {24, 48, false}, 7, {.protocol = 99}));
    world_.exchange(fragment_frame(theirs, {24, 48, false}, 8));
    EXPECT_EQ(queued(), 0U);
    world_.exchange(fragment_frame(mine, {24, 48, false}));
    ASSERT_EQ(queued(), 1U);
    EXPECT_EQ(read(), pattern(40));
}

TEST_F(FragmentTest, OptionsOfTheFirstFragmentAreSteppedOver) {
    const Bytes whole = datagram(40);
    world_.exchange(fragment_frame(whole, {24, 48, false}));
    world_.exchange(fragment_frame(whole, {0, 24, true}, 7, {.options = Bytes(8, 1)}));
    ASSERT_EQ(queued(), 1U);
    EXPECT_EQ(read(), pattern(40));
}

TEST_F(FragmentTest, AnOverlapKillsTheDatagramAndWhatComesLate) {  // RFC 5722, RFC 1858 §4
    const Bytes whole = datagram(88);                              // 96 bytes
    const std::array overlaps{Cut{0, 40, true},  Cut{8, 32, true},  Cut{24, 48, true},
                              Cut{40, 56, true}, Cut{40, 72, true}, Cut{16, 96, false},
                              Cut{32, 40, true}, Cut{24, 32, true}};
    unsigned id = 0;
    for (const Cut& overlap : overlaps) {
        ++id;
        const std::uint64_t before = world_.drops(Drop::ip_fragment_overlap);
        world_.exchange(fragment_frame(whole, {0, 32, true}, id));
        world_.exchange(fragment_frame(whole, {32, 48, true}, id));
        if (overlap.first == 40) world_.exchange(fragment_frame(whole, {48, 64, true}, id));
        world_.exchange(fragment_frame(whole, overlap, id));
        EXPECT_EQ(world_.drops(Drop::ip_fragment_overlap), before + 1) << id;
        EXPECT_EQ(world_.clusters_used(), 0U) << "its buffers are free at once";
        for (const Cut& late : cuts_of(whole.size(), 24)) {
            expect_drop(fragment_frame(whole, late, id), Drop::ip_fragment_dead);
        }
    }
    world_.advance(kReassemblyPatience);
    for (const Bytes& f : fragment_frames(whole, 1, {}, 24)) world_.exchange(f);
    ASSERT_EQ(queued(), 1U) << "the number may be used again later";
    EXPECT_EQ(read(), pattern(88));
}

TEST_F(FragmentTest, AnExactRepetitionCostsNothing) {
    const Bytes whole = datagram(88);
    for (const Cut& cut : cuts_of(whole.size(), 24)) {
        const Bytes frame = fragment_frame(whole, cut);
        world_.exchange(frame);
        if (cut.more) expect_drop(frame, Drop::ip_fragment_duplicate);
    }
    ASSERT_EQ(queued(), 1U);
    EXPECT_EQ(read(), pattern(88));
}

TEST_F(FragmentTest, TwoEndsOrBytesBehindTheEndKillIt) {
    const Bytes whole = datagram(88);
    const auto killed_by = [&](const Cut& one, const Cut& two, unsigned id) {
        const std::uint64_t before = world_.drops(Drop::ip_fragment_overlap);
        world_.exchange(fragment_frame(whole, one, id));
        world_.exchange(fragment_frame(whole, two, id));
        EXPECT_EQ(world_.drops(Drop::ip_fragment_overlap), before + 1) << id;
    };
    killed_by({48, 72, false}, {72, 96, false}, 1);
    killed_by({72, 96, false}, {48, 72, false}, 2);
    killed_by({48, 72, false}, {72, 96, true}, 3);
    killed_by({72, 96, true}, {48, 72, false}, 4);
    killed_by({72, 96, false}, {48, 96, true}, 5);
    EXPECT_EQ(queued(), 0U);
}

TEST_F(FragmentTest, WhatWasNotToBeCutHasNoFragments) {  // packet case 12
    const Bytes whole = datagram(2000);
    for (const Cut& cut : cuts_of(whole.size(), 1480)) {
        Bytes frame = fragment_frame(whole, cut);
        frame[kEther + 6] |= 0x40;
        fix_ip(frame, kEther);
        expect_drop(frame, Drop::ip_fragment_df);
    }
    EXPECT_EQ(world_.net.reassembly.datagrams(), 0U);
}

TEST_F(FragmentTest, SizesThatCannotBeAreDropped) {  // packet cases 11 and 12
    const Bytes whole = datagram(2000);
    expect_drop(fragment_frame(whole, {0, 0, true}), Drop::ip_fragment_size);
    expect_drop(fragment_frame(whole, {8, 8, false}), Drop::ip_fragment_size);
    for (std::size_t odd = 1; odd < 8; ++odd) {
        expect_drop(fragment_frame(whole, {0, 24 + odd, true}), Drop::ip_fragment_size);
    }
    expect_drop(fragment_frame(whole, {65528, 65552, false}), Drop::ip_fragment_overflow);
    expect_drop(fragment_frame(whole, {65512, 65520, true}), Drop::ip_fragment_overflow);
    EXPECT_EQ(world_.net.reassembly.datagrams(), 0U) << "none of them takes a place";
    world_.exchange(fragment_frame(whole, {65504, 65515, false}));
    EXPECT_EQ(world_.net.reassembly.datagrams(), 1U) << "the last byte that there can be";
}

TEST_F(FragmentTest, AFragmentMayNotHideTheTcpHeader) {  // RFC 1858 §3, RFC 3128 §3
    const Bytes segment = pattern(64);
    const IpFields tcp{.protocol = 6};
    expect_drop(fragment_frame(segment, {0, 8, true}, 7, tcp), Drop::ip_fragment_tiny);
    expect_drop(fragment_frame(segment, {0, 16, true}, 7, tcp), Drop::ip_fragment_tiny);
    expect_drop(fragment_frame(segment, {8, 64, false}, 7, tcp), Drop::ip_fragment_tiny);
    expect_drop(fragment_frame(segment, {16, 64, false}, 7, tcp), Drop::ip_fragment_tiny);
    EXPECT_EQ(world_.net.reassembly.datagrams(), 0U);
}

TEST_F(FragmentTest, MoreFragmentsThanAnyMtuMakesKillTheDatagram) {  // bsd-pitfalls B8
    const Bytes whole = datagram(8 * 200);
    for (const Cut& cut : cuts_of(whole.size(), 8)) {
        if (cut.first % 16 != 0) continue;
        world_.exchange(fragment_frame(whole, cut));
        EXPECT_LE(world_.clusters_used(), kFragmentsMax);
    }
    EXPECT_EQ(world_.drops(Drop::ip_fragment_many), 1U);
    EXPECT_EQ(world_.clusters_used(), 0U);
}

TEST_F(FragmentTest, TheOldestDatagramGivesWayToANewer) {  // bsd-pitfalls B8, packet case 15
    const Bytes whole = datagram(40);
    for (unsigned id = 0; id < 1000; ++id) {
        world_.exchange(fragment_frame(whole, {0, 24, true}, id));
        world_.advance(Duration::from_us(10));
        EXPECT_LE(world_.net.reassembly.datagrams(), kReassembliesMax);
    }
    EXPECT_EQ(world_.drops(Drop::ip_reassembly_evicted), 1000 - kReassembliesMax);
    world_.exchange(fragment_frame(whole, {24, 48, false}, 0));
    EXPECT_EQ(queued(), 0U) << "the oldest is gone";
    world_.exchange(fragment_frame(whole, {24, 48, false}, 999));
    ASSERT_EQ(queued(), 1U) << "the newest is not";
    EXPECT_EQ(read(), pattern(40));
}

TEST_F(FragmentTest, ItsMemoryHasALimit) {  // bsd-pitfalls B8
    const Bytes whole(65'000);
    for (unsigned id = 0; id < kReassembliesMax; ++id) {
        for (const Cut& cut : cuts_of(whole.size(), 1480)) {
            if (!cut.more) continue;
            world_.exchange(fragment_frame(whole, cut, id));
            ASSERT_LE(world_.net.reassembly.memory(), kReassemblyMemoryMax);
        }
    }
    EXPECT_GE(world_.net.reassembly.datagrams(), 4U);
    EXPECT_EQ(world_.drops(Drop::ip_reassembly_evicted) + world_.net.reassembly.datagrams(),
              kReassembliesMax);
}

TEST_F(FragmentTest, TimeRunsOutAndTheSenderIsToldOnce) {  // RFC 1122 §3.3.2, bsd-pitfalls D12
    const Bytes whole = datagram(88);
    const Bytes first = fragment_packet(whole, {0, 24, true}, 1);
    world_.exchange(ether_frame(kBoardMac, kPeerMac, 0x0800, first));
    world_.exchange(fragment_frame(whole, {24, 48, true}, 1));
    world_.exchange(fragment_frame(whole, {24, 48, true}, 2));
    world_.take_sent();
    world_.advance(kReassemblyPatience - Duration::from_ms(1));
    EXPECT_TRUE(world_.take_sent().empty());
    world_.advance(Duration::from_ms(2));
    const auto sent = world_.take_sent();
    ASSERT_EQ(sent.size(), 1U) << "nothing about a datagram whose first fragment did not come";
    EXPECT_EQ(slice(sent[0], kEther + kIp), icmp_message(11, 1, 0, slice(first, 0, 28)));
    EXPECT_EQ(world_.drops(Drop::ip_reassembly_timeout), 2U);
}

TEST_F(FragmentTest, NoErrorIsSentAboutFragmentsToEverybody) {
    const Ipv4 everybody{192, 168, 0, 255};
    world_.exchange(fragment_frame(datagram(88), {0, 24, true}, 1, {.destination = everybody}));
    world_.take_sent();
    world_.advance(kReassemblyPatience + Duration::from_s(1));
    EXPECT_TRUE(world_.take_sent().empty());
}

TEST_F(FragmentTest, PingsOfEverySizeComeBackWhole) {
    std::vector<std::size_t> sizes{0, 1, 56, 65506, 65507};
    for (std::size_t n = 1; n <= 44; ++n) {
        for (const std::size_t around : {n * 1480 - 9, n * 1480 - 8, n * 1480 - 7}) {
            sizes.push_back(around);
        }
    }
    unsigned id = 0;
    for (const std::size_t bytes : sizes) {
        const Bytes echo = icmp_message(8, 0, 0x12340001, pattern(bytes));
        world_.link.sent.clear();
        for (Bytes& f : fragment_frames(echo, ++id, {.protocol = 1})) world_.inject(std::move(f));
        world_.settle();
        ASSERT_EQ(joined_payload(world_.take_sent()),
                  icmp_message(0, 0, 0x12340001, pattern(bytes)))
            << bytes;
        ASSERT_EQ(world_.clusters_used(), 0U);
    }
}

TEST_F(FragmentTest, AnAnswerThatDoesNotFitTheRingIsDroppedWhole) {
    const Bytes echo = icmp_message(8, 0, 1, pattern(20'000));
    world_.link.room = 13;  // 14 fragments
    for (Bytes& f : fragment_frames(echo, 1, {.protocol = 1})) world_.inject(std::move(f));
    world_.settle();
    EXPECT_TRUE(world_.take_sent().empty());
    EXPECT_EQ(world_.drops(Drop::out_fragment), 1U);
    EXPECT_EQ(world_.net.stats.icmp_echoes_answered, 0U);
    EXPECT_EQ(world_.clusters_used(), 0U);
}

TEST_F(FragmentTest, EveryAllocationMayFailAndNothingLeaks) {  // bsd-pitfalls B1, B2
    const Bytes echo = icmp_message(8, 0, 1, pattern(10'000));
    unsigned answered = 0;
    for (std::uint32_t nth = 1; nth <= 60; ++nth) {
        introduce_peer(world_);
        world_.pool.fail_nth(nth);
        for (Bytes& f : fragment_frames(echo, nth, {.protocol = 1}, 1008)) {
            world_.inject(std::move(f));
        }
        world_.settle();
        if (joined_payload(world_.take_sent()).size() == echo.size()) ++answered;
        world_.advance(kReassemblyPatience + Duration::from_s(1));
        world_.take_sent();
        ASSERT_EQ(world_.segments_used(), 0U) << nth;
        ASSERT_EQ(world_.clusters_used(), 0U) << nth;
    }
    world_.pool.fail_nth(0);
    EXPECT_GT(answered, 20U);
    EXPECT_LT(answered, 60U);
}

TEST_F(FragmentTest, LargeDatagramsLeaveInFragmentsWithARightChecksum) {
    for (const bool offload : {false, true}) {
        world_.link.checksums = offload;
        world_.net.interface.attach();
        for (const std::size_t bytes : {1472U, 1473U, 5000U, 65507U}) {
            ASSERT_TRUE(udp_output(world_.net, {}, kPort, {kPeer, 5000},
                                   world_.pool.copy_in(as_bytes(pattern(bytes)))));
            const auto sent = world_.take_sent();
            ASSERT_EQ(sent.size(), (bytes + 8 + 1479) / 1480);
            if (sent.size() == 1) continue;
            EXPECT_EQ(joined_payload(sent),
                      udp_datagram(kBoard, kPeer, kPort, 5000, pattern(bytes)))
                << "a device cannot sum up what it sees in pieces";
        }
    }
}

TEST_F(FragmentTest, WhatMayNotBeFragmentedIsRefused) {
    const IpSend send{.source = {}, .destination = kPeer, .protocol = IpProtocol::udp};
    const auto refused = ip_output(world_.net, send, world_.pool.copy_in(as_bytes(pattern(1481))));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), SendError::too_big);
    EXPECT_FALSE(udp_output(world_.net, {}, kPort, {kPeer, 5000},
                            world_.pool.copy_in(as_bytes(pattern(65508)))));
    EXPECT_EQ(world_.drops(Drop::out_too_big), 2U);
}

TEST_F(FragmentTest, ALargeDatagramWaitsForArpInOnePieceAndFewOfThemDo) {
    const auto send = [this](unsigned host) {
        return udp_output(world_.net, {}, kPort, {Ipv4{kPeer.host + host}, 5000},
                          world_.pool.copy_in(as_bytes(pattern(9000))));
    };
    ASSERT_TRUE(send(8));
    world_.take_sent();
    const auto sent = world_.exchange(arp_frame(
        {.operation = 2, .sender_mac = {{2, 0, 0, 0, 0, 9}}, .sender = Ipv4{192, 168, 0, 9}}));
    EXPECT_EQ(joined_payload(sent).size(), 9008U);
    for (unsigned host = 20; host < 20 + kArpLargeHeldMax; ++host) EXPECT_TRUE(send(host));
    EXPECT_FALSE(send(99)) << "held datagrams are bounded too";
    EXPECT_EQ(world_.drops(Drop::arp_hold_full), 1U);
}

TEST_F(FragmentTest, RandomDamageNeverDeliversAWrongDatagramNorLeaks) {
    std::mt19937 random{5};
    const Bytes whole = datagram(600);
    for (int round = 0; round < 20'000; ++round) {
        const auto id = static_cast<unsigned>(random() % 40);
        if (round % 64 == 0) introduce_peer(world_);
        // Most fit together, some overlap.
        const std::size_t first = random() % 20 == 0 ? random() % 76 * 8 : random() % 4 * 152;
        Cut cut{first, std::min<std::size_t>(whole.size(), first + 152), true};
        cut.more = cut.end < whole.size();
        if (cut.first >= cut.end) continue;
        Bytes frame = fragment_frame(whole, cut, id);
        if (random() % 4 == 0)
            frame[kEther + random() % kIp] ^= static_cast<std::uint8_t>(1U << random() % 8);
        if (random() % 2 == 0) fix_ip(frame, kEther);
        if (random() % 8 == 0) frame.resize(kEther + random() % (frame.size() - kEther));
        world_.inject(std::move(frame));
        world_.settle();
        if (random() % 16 == 0) world_.advance(Duration::from_ms(random() % 1000));
        while (queued() > 0) ASSERT_EQ(read(), pattern(600));
        ASSERT_LE(world_.net.reassembly.memory(), kReassemblyMemoryMax);
        world_.link.sent.clear();
    }
    EXPECT_GT(world_.net.stats.ip_reassembled, 0U);
}

}  // namespace ip_fragment_test
}  // namespace kyu::net::test
