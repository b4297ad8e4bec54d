// The DHCP client in conversation with scripted servers.
#include "net/dhcp.hpp"

#include <gtest/gtest.h>

#include "net/dhcp_test_support.hpp"

namespace kyu::net::test {
namespace dhcp_test {

using State = DhcpClient::State;

class DhcpTest : public ::testing::Test {
protected:
    TestNet world_;

    void SetUp() override {
        world_.link.address = kBoardMac;
        begin(NetConfig::Source::dhcp);
    }
    void TearDown() override {
        dhcp_stop(world_.net);
        world_.advance(Duration::from_s(700));  // the last ARP entries
        EXPECT_EQ(world_.segments_used(), 0U);
    }
    void begin(NetConfig::Source source) {
        NetConfig config;
        config.source = source;
        world_.configure(config);
    }
    State state() const { return world_.net.dhcp.state; }
    Ipv4 address() const { return world_.net.interface.address; }

    /// The client's questions since the last look.
    std::vector<Bytes> questions() {
        std::vector<Bytes> found;
        for (const Bytes& frame : world_.take_sent()) {
            Bytes q = dhcp_question(frame);
            if (!q.empty()) found.push_back(std::move(q));
        }
        return found;
    }
    /// Answers the running transaction; returns the client's next questions.
    std::vector<Bytes> answer(DhcpFields f) {
        f.xid = world_.net.dhcp.xid;
        world_.link.sent.clear();
        world_.inject(dhcp_frame(dhcp_reply(f)));
        world_.settle();
        return questions();
    }
    void get_lease(DhcpFields f = {}) {
        f.type = 2;
        answer(f);
        f.type = 5;
        answer(f);
        if (state() == State::probing) world_.advance(Duration::from_ms(kProbes * 200));
        ASSERT_EQ(state(), State::bound);
        address_claim_stop(world_.net);  // nobody else has it
        world_.take_sent();
    }
    void introduce_server() {
        world_.exchange(arp_frame({.sender = Ipv4{10, 0, 2, 2}, .target = Ipv4{10, 0, 2, 15}}));
    }
};

TEST_F(DhcpTest, DiscoverOfferRequestAck) {
    auto asked = questions();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(dhcp_option(asked[0], 53), Bytes{1});
    asked = answer({.type = 2});
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(dhcp_option(asked[0], 53), Bytes{3});
    EXPECT_EQ(dhcp_option(asked[0], 50), (Bytes{10, 0, 2, 15}));
    EXPECT_EQ(dhcp_option(asked[0], 54), (Bytes{10, 0, 2, 2}));
    EXPECT_TRUE(address().is_any()) << "an offer is not yet an address";
    answer({.type = 5});
    EXPECT_EQ(state(), State::probing);
    EXPECT_TRUE(address().is_any()) << "not before the wire was asked";
    world_.advance(Duration::from_s(1));
    EXPECT_EQ(state(), State::bound);
    EXPECT_EQ(address(), (Ipv4{10, 0, 2, 15}));
    EXPECT_EQ(world_.net.interface.prefix_bits, 24);
    EXPECT_EQ(world_.net.interface.gateway, (Ipv4{10, 0, 2, 2}));
    EXPECT_EQ(world_.net.interface.source, AddressSource::dhcp);
}

TEST_F(DhcpTest, WithoutAnAnswerItAsksLaterAndLater) {
    std::vector<std::int64_t> gaps;
    Instant last = world_.net.now();
    questions();
    for (int i = 0; i < 10; ++i) {
        const Instant next = net_next_deadline(world_.net);
        world_.set_now(next);
        world_.settle();
        ASSERT_EQ(questions().size(), 1U);
        gaps.push_back((next - last).ms());
        last = next;
    }
    std::int64_t expected = 1000;
    for (const std::int64_t gap : gaps) {
        EXPECT_GE(gap, expected * 3 / 4);
        EXPECT_LE(gap, expected * 5 / 4);
        expected = std::min<std::int64_t>(expected * 2, 64'000);
    }
}

TEST_F(DhcpTest, AnswersForOthersAreIgnored) {  // packet case 52
    DhcpFields f{.xid = world_.net.dhcp.xid ^ 1U};
    world_.exchange(dhcp_frame(dhcp_reply(f)));
    f.xid = world_.net.dhcp.xid;
    f.client.bytes[5] ^= 1U;
    world_.exchange(dhcp_frame(dhcp_reply(f)));
    EXPECT_EQ(world_.drops(Drop::dhcp_not_ours), 2U);
    EXPECT_EQ(state(), State::selecting);
}

TEST_F(DhcpTest, BadOffersAreIgnoredAndAGoodOneStillCounts) {  // packet case 52
    for (const DhcpFields& bad :
         {DhcpFields{.server = Ipv4{}}, DhcpFields{.mask = Ipv4{}}, DhcpFields{.lease_s = 0},
          DhcpFields{.address = Ipv4{224, 1, 1, 1}}}) {
        EXPECT_TRUE(answer(bad).empty());
        EXPECT_EQ(state(), State::selecting);
    }
    EXPECT_EQ(world_.drops(Drop::dhcp_bad_offer), 4U);
    get_lease();
}

TEST_F(DhcpTest, AnAckOfSomethingElseIsIgnored) {
    answer({.type = 5});
    EXPECT_EQ(state(), State::selecting) << "nothing was asked for";
    answer({.type = 2});
    answer({.type = 5, .address = Ipv4{10, 0, 2, 99}});
    answer({.type = 5, .server = Ipv4{10, 0, 2, 66}});
    EXPECT_EQ(state(), State::requesting);
    EXPECT_EQ(world_.drops(Drop::dhcp_unexpected), 3U);
}

TEST_F(DhcpTest, ANakStartsOverWithoutAStorm) {
    std::size_t asked = 0;
    for (int i = 0; i < 50; ++i) {
        asked += answer({.type = 2}).size();
        asked += answer({.type = 6}).size();
    }
    EXPECT_EQ(state(), State::selecting);
    EXPECT_LE(asked, 51U) << "a request for each offer, and no discover until the timer says so";
    world_.advance(Duration::from_s(70));
    get_lease();
}

TEST_F(DhcpTest, ASilentServerAfterItsOfferIsGivenUp) {
    answer({.type = 2});
    world_.advance(Duration::from_s(40));
    EXPECT_EQ(state(), State::selecting);
    get_lease();
}

TEST_F(DhcpTest, TheLeaseIsRenewedInPrivate) {
    get_lease({.lease_s = 1000});
    world_.advance(Duration::from_s(499));
    EXPECT_TRUE(questions().empty());
    introduce_server();
    world_.advance(Duration::from_s(2));
    EXPECT_EQ(state(), State::renewing);
    const auto sent = world_.take_sent();
    const auto frame = std::find_if(sent.begin(), sent.end(),
                                    [](const Bytes& f) { return !dhcp_question(f).empty(); });
    ASSERT_NE(frame, sent.end());
    EXPECT_EQ(get32(*frame, kEther + 16), (Ipv4{10, 0, 2, 2}.host)) << "to its server alone";
    const Bytes question = dhcp_question(*frame);
    EXPECT_EQ(get32(question, 12), (Ipv4{10, 0, 2, 15}.host)) << "ciaddr";
    EXPECT_TRUE(dhcp_option(question, 54).empty()) << "RFC 2131 §4.3.2";
    world_.inject(dhcp_frame(dhcp_reply({.type = 5, .xid = world_.net.dhcp.xid, .lease_s = 1000}),
                             Ipv4{10, 0, 2, 15}));
    world_.settle();
    EXPECT_EQ(state(), State::bound);
    EXPECT_EQ(address(), (Ipv4{10, 0, 2, 15}));
}

TEST_F(DhcpTest, AServerThatIsGoneCostsTheAddressInTheEnd) {
    get_lease({.lease_s = 1000});
    world_.advance(Duration::from_s(490));
    introduce_server();
    world_.advance(Duration::from_s(390));
    EXPECT_EQ(state(), State::rebinding);
    EXPECT_FALSE(address().is_any());
    const auto asked = questions();
    EXPECT_GE(asked.size(), 2U);
    EXPECT_LE(asked.size(), 20U) << "RFC 2131 §4.4.5: half of what is left, each time";
    world_.advance(Duration::from_s(121));
    EXPECT_EQ(state(), State::selecting);
    EXPECT_TRUE(address().is_any()) << "a lease that has ended may not be used";
    EXPECT_EQ(world_.net.interface.source, AddressSource::none);
    get_lease();
}

TEST_F(DhcpTest, ANakWhileRenewingTakesTheAddressAtOnce) {
    get_lease({.lease_s = 1000});
    world_.advance(Duration::from_s(501));
    answer({.type = 6});
    EXPECT_TRUE(address().is_any());
    EXPECT_EQ(state(), State::selecting);
}

TEST_F(DhcpTest, AnEndlessLeaseIsNeverRenewed) {
    get_lease({.lease_s = 0xFFFFFFFF});
    world_.advance(Duration::from_s(10LL * 365 * 86400));
    EXPECT_TRUE(questions().empty());
    EXPECT_EQ(state(), State::bound);
}

TEST_F(DhcpTest, ALeaseOfOneSecondIsNoStorm) {
    answer({.type = 2, .lease_s = 1});
    answer({.type = 5, .lease_s = 1});
    world_.advance(Duration::from_s(60));
    EXPECT_LE(questions().size(), 20U);
}

TEST_F(DhcpTest, FallsBackToAFixedAddressWhenNobodyAnswers) {
    begin(NetConfig::Source::dhcp_then_fixed);
    world_.advance(Duration::from_ms(4999));
    EXPECT_TRUE(address().is_any());
    world_.advance(Duration::from_ms(2));
    EXPECT_EQ(address(), kBoard);
    EXPECT_EQ(world_.net.interface.source, AddressSource::fallback);
    EXPECT_EQ(state(), State::off);
    world_.take_sent();
    world_.advance(Duration::from_s(3600));
    EXPECT_TRUE(questions().empty());
}

TEST_F(DhcpTest, KeepsTheLeaseWhenItCameInTime) {
    begin(NetConfig::Source::dhcp_then_fixed);
    get_lease();
    world_.advance(Duration::from_s(10));
    EXPECT_EQ(address(), (Ipv4{10, 0, 2, 15}));
}

TEST_F(DhcpTest, GarbageOnThePortIsCounted) {
    for (std::size_t n = 0; n < 300; n += 7) {
        world_.exchange(dhcp_frame(Bytes(n, 0xFF)));
    }
    EXPECT_GE(world_.drops(Drop::dhcp_malformed), 40U);
    EXPECT_EQ(state(), State::selecting);
}

TEST_F(DhcpTest, EmptyPoolsOnlyDelayIt) {
    for (std::uint32_t n = 1; n < 4; ++n) {
        world_.pool.fail_nth(n);
        world_.advance(Duration::from_s(70));
    }
    world_.pool.fail_nth(0);
    get_lease();
}

/// A server that answers every question but one in `lossy`; the board's allocation `nth` fails.
/// True: the board came to its lease, in two minutes.
bool leases_although(std::uint32_t nth, unsigned lossy, bool& failed_one) {
    TestNet world;
    world.link.address = kBoardMac;
    world.pool.fail_nth(nth);
    NetConfig config;
    config.source = NetConfig::Source::dhcp;
    world.configure(config);
    unsigned heard = 0;
    for (int i = 0; i < 1200 && world.net.dhcp.state != State::bound; ++i) {
        for (const Bytes& frame : world.take_sent()) {
            const Bytes question = dhcp_question(frame);
            if (question.empty() || (lossy != 0 && ++heard % lossy == nth % lossy)) continue;
            DhcpFields answer;
            answer.type = dhcp_option(question, 53).at(0) == 1 ? 2 : 5;
            answer.xid = get32(question, 4);
            world.inject(dhcp_frame(dhcp_reply(answer)));
        }
        world.settle();
        world.advance(Duration::from_ms(100));
    }
    failed_one = world.pool.segment_stats().failed + world.pool.cluster_stats().failed > 0;
    const bool bound = world.net.dhcp.state == State::bound;
    dhcp_stop(world.net);
    world.advance(Duration::from_s(700));
    EXPECT_EQ(world.segments_used(), 0U) << "allocation " << nth;
    EXPECT_EQ(world.clusters_used(), 0U) << "allocation " << nth;
    return bound;
}

TEST(DhcpMemory, whichever_allocation_fails_and_whatever_is_lost_there_is_a_lease) {
    for (const unsigned lossy : {0U, 2U, 3U}) {
        bool failed_one = true;
        for (std::uint32_t nth = 1; failed_one; ++nth) {
            ASSERT_TRUE(leases_although(nth, lossy, failed_one)) << nth << " lossy " << lossy;
            EXPECT_TRUE(nth > 4 || failed_one) << "it takes memory";
        }
    }
}

}  // namespace dhcp_test
}  // namespace kyu::net::test
