// RFC 5227: who else has our address, and what that costs.
#include "net/address_claim.hpp"

#include <gtest/gtest.h>

#include "net/dhcp_test_support.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net::test {
namespace address_claim_test {

constexpr MacAddress kThief{{0x02, 6, 6, 6, 6, 6}};

/// ARP requests for our address with no sender: probes.
std::size_t probes(const std::vector<Bytes>& frames) {
    return static_cast<std::size_t>(std::count_if(frames.begin(), frames.end(), [](const Bytes& f) {
        return get16(f, 12) == 0x0806 && get32(f, kEther + 14) == 0 && f[kEther + 7] == 1;
    }));
}
std::size_t announcements(const std::vector<Bytes>& frames) {
    return static_cast<std::size_t>(std::count_if(frames.begin(), frames.end(), [](const Bytes& f) {
        return get16(f, 12) == 0x0806 && get32(f, kEther + 14) == get32(f, kEther + 24);
    }));
}
Bytes claim_by_thief(Ipv4 address = kBoard, unsigned operation = 1) {
    return arp_frame({.operation = operation, .sender_mac = kThief, .sender = address});
}

TestNet new_board() {
    TestNet world;
    world.link.address = kBoardMac;
    NetConfig config;
    config.source = NetConfig::Source::fixed;
    world.configure(config);
    return world;
}

TEST(AddressClaim, AConfiguredAddressIsUsedAtOnceProbedAndAnnouncedTwice) {
    TestNet world = new_board();
    EXPECT_EQ(world.net.interface.address, kBoard);
    EXPECT_EQ(announcements(world.link.sent), 1U);
    world.advance(Duration::from_s(10));
    EXPECT_EQ(probes(world.link.sent), kProbes);
    EXPECT_EQ(announcements(world.link.sent), 2U);
    world.take_sent();
    world.advance(Duration::from_s(3600));
    EXPECT_TRUE(world.take_sent().empty()) << "and then there is peace";
    EXPECT_EQ(world.net.interface.address, kBoard);
}

TEST(AddressClaim, WhoWasThereFirstKeepsTheAddress) {
    TestNet world = new_board();
    world.take_sent();
    const auto sent = world.exchange(claim_by_thief(kBoard, 2));
    EXPECT_EQ(announcements(sent), 0U) << "no defence of what is not ours yet";
    EXPECT_TRUE(world.net.interface.address.is_any());
    EXPECT_EQ(world.net.interface.source, AddressSource::conflict);
    EXPECT_EQ(world.net.claim.other, kThief) << "who has it is told";
    EXPECT_EQ(world.net.stats.arp_addresses_lost, 1U);
    EXPECT_TRUE(world.exchange(arp_frame({})).empty()) << "nobody is answered";
}

TEST(AddressClaim, ALostAddressIsClaimedAgainLater) {
    TestNet world = new_board();
    world.exchange(claim_by_thief());
    world.advance(kClaimAgain - Duration::from_s(1));
    EXPECT_TRUE(world.net.interface.address.is_any());
    world.advance(Duration::from_s(2));
    EXPECT_EQ(world.net.interface.address, kBoard);
    EXPECT_EQ(world.net.interface.prefix_bits, 24);
    EXPECT_EQ(world.net.interface.gateway, kPeer);
    world.advance(Duration::from_s(10));
    EXPECT_EQ(world.net.interface.address, kBoard);
}

/// The cable is out, and in again.
void flap(TestNet& world) {
    for (const bool up : {false, true}) {
        world.link.is_up = up;
        world.net.interface.poll_at = world.net.now();
        world.settle();
    }
}

TEST(AddressClaim, ALostAddressIsClaimedAgainWhateverTheCableDoes) {
    TestNet world = new_board();
    world.exchange(claim_by_thief());
    flap(world);
    world.advance(kClaimAgain + Duration::from_s(1));
    EXPECT_EQ(world.net.interface.address, kBoard);
}

TEST(AddressClaim, OurAddressIsDefendedOnceAnIntervalAndNeverGivenUp) {  // packet case 5
    TestNet world = TestNet::with_address();
    EXPECT_EQ(announcements(world.exchange(claim_by_thief())), 1U);
    world.advance(kArpDefend);
    EXPECT_EQ(announcements(world.exchange(claim_by_thief())), 1U) << "ten seconds later again";
    EXPECT_EQ(announcements(world.exchange(claim_by_thief())), 0U) << "RFC 5227 §2.4 (c)";
    EXPECT_EQ(world.net.interface.address, kBoard);
    EXPECT_EQ(world.drops(Drop::arp_conflict), 3U);
}

TEST(AddressClaim, AFloodOfConflictsIsNoFloodOfAnswers) {  // packet case 5
    TestNet world = TestNet::with_address();
    std::size_t sent = 0;
    for (int i = 0; i < 1000; ++i) sent += world.exchange(claim_by_thief()).size();
    EXPECT_LE(sent, 1U);
    EXPECT_EQ(world.net.interface.address, kBoard);
}

TEST(AddressClaim, OurOwnProbesThatComeBackAreNoConflict) {
    TestNet world = new_board();
    for (const Bytes& own : world.take_sent()) world.exchange(own);
    world.exchange(arp_frame({.sender_mac = kBoardMac, .sender = kBoard, .target = kBoard}));
    EXPECT_EQ(world.net.interface.address, kBoard);
}

TEST(AddressClaim, WhoKnowsThatNobodyElseHasItOnlyAnnounces) {
    TestNet world;
    world.link.address = kBoardMac;
    world.configure({.source = NetConfig::Source::fixed, .claim = false});
    world.advance(Duration::from_s(10));
    EXPECT_EQ(world.take_sent().size(), 1U);
}

TEST(AddressClaim, ANewCableIsANewClaim) {
    TestNet world = TestNet::with_address();
    address_claim(world.net);
    world.advance(Duration::from_s(10));
    EXPECT_EQ(probes(world.take_sent()), kProbes);
}

/// A board that has been acknowledged 10.0.2.15 and asks the wire about it.
class ProbedLease : public ::testing::Test {
protected:
    TestNet world_;

    void SetUp() override {
        world_.link.address = kBoardMac;
        NetConfig config;
        config.source = NetConfig::Source::dhcp;
        world_.configure(config);
        for (const unsigned type : {2U, 5U}) {
            world_.inject(dhcp_frame(dhcp_reply({.type = type, .xid = world_.net.dhcp.xid})));
            world_.settle();
        }
        ASSERT_EQ(world_.net.dhcp.state, DhcpClient::State::probing);
        world_.take_sent();
    }
    static constexpr Ipv4 kLease{10, 0, 2, 15};
    /// The types of the DHCP messages among `frames`.
    static std::vector<unsigned> questions(const std::vector<Bytes>& frames) {
        std::vector<unsigned> types;
        for (const Bytes& f : frames) {
            const Bytes q = dhcp_question(f);
            if (!q.empty()) types.push_back(dhcp_option(q, 53).at(0));
        }
        return types;
    }
};

TEST_F(ProbedLease, IsUsedWhenNobodyAnswers) {
    world_.advance(Duration::from_s(1));
    EXPECT_EQ(world_.net.interface.address, kLease);
    EXPECT_EQ(world_.net.dhcp.state, DhcpClient::State::bound);
}

TEST_F(ProbedLease, IsUsedThoughTheCableWasOutForAMoment) {
    flap(world_);
    world_.advance(Duration::from_s(1));
    EXPECT_EQ(world_.net.interface.address, kLease);
}

TEST_F(ProbedLease, IsDeclinedWhenSomebodyHasIt) {  // RFC 2131 §3.1 step 5
    const auto sent = world_.exchange(claim_by_thief(kLease, 2));
    EXPECT_EQ(questions(sent), std::vector<unsigned>{4});
    const Bytes decline = dhcp_question(sent.back());
    EXPECT_EQ(dhcp_option(decline, 50), (Bytes{10, 0, 2, 15}));
    EXPECT_EQ(dhcp_option(decline, 54), (Bytes{10, 0, 2, 2}));
    EXPECT_TRUE(world_.net.interface.address.is_any());
    world_.advance(kDhcpDeclineWait - Duration::from_ms(1));
    EXPECT_TRUE(questions(world_.take_sent()).empty()) << "a moment of silence";
    world_.advance(Duration::from_ms(2));
    EXPECT_EQ(questions(world_.take_sent()), std::vector<unsigned>{1});
    EXPECT_EQ(world_.net.dhcp.declines, 1U);
}

TEST_F(ProbedLease, IsDeclinedWhenSomebodyProbesForItToo) {
    world_.exchange(arp_frame({.sender_mac = kThief, .sender = Ipv4{}, .target = kLease}));
    EXPECT_EQ(world_.net.dhcp.state, DhcpClient::State::selecting);
}

TEST_F(ProbedLease, IsGivenBackWhenItIsLostInUse) {
    world_.advance(Duration::from_s(20));
    world_.take_sent();
    world_.exchange(claim_by_thief(kLease));
    EXPECT_EQ(world_.net.interface.address, kLease) << "defended once";
    const auto sent = world_.exchange(claim_by_thief(kLease));
    EXPECT_EQ(questions(sent), std::vector<unsigned>{4});
    EXPECT_TRUE(world_.net.interface.address.is_any());
    EXPECT_EQ(world_.net.dhcp.state, DhcpClient::State::selecting);
}

TEST_F(ProbedLease, IsKeptWhileItCarriesAConnection) {  // RFC 5227 §2.4 (b)
    world_.advance(Duration::from_s(20));
    ASSERT_TRUE(tcp_usr_connect(world_.net, {Ipv4{10, 0, 2, 7}, 9}, {}));
    for (int i = 0; i < 3; ++i) world_.exchange(claim_by_thief(kLease));
    EXPECT_EQ(world_.net.interface.address, kLease);
    world_.advance(Duration::from_s(300));
    EXPECT_EQ(world_.net.tcp.table.size(), 0U) << "nobody has answered";
    for (int i = 0; i < 2; ++i) world_.exchange(claim_by_thief(kLease));
    EXPECT_TRUE(world_.net.interface.address.is_any());
}

}  // namespace address_claim_test
}  // namespace kyu::net::test
