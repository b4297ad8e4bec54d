// Sending: windows, Nagle, loss, silence.
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace send_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kMss = 1460;

class Send : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};
    Send() {
        peer_.options = {2, 4, 0x05, 0xB4};
        so_ = &established(peer_);
        peer_.options = {};
        world_.take_sent();
    }
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
    Answers write_and_see(std::size_t bytes, bool more = false) {
        write(*so_, std::string(bytes, 'x'), more);
        return peer_.take();
    }
};

TEST_F(Send, a_burst_is_the_initial_window_and_every_segment_is_full) {
    const Answers a = write_and_see(60'000);
    ASSERT_EQ(a.size(), 10U) << "RFC 6928";
    for (const Seen& s : a) EXPECT_EQ(s.data.size(), kMss);
    EXPECT_EQ(peer_.acknowledge(peer_.ack + 2 * kMss).size(), 4U) << "slow start";
}

TEST_F(Send, never_beyond_the_peers_window) {
    peer_.window = 4000;
    peer_.send(kAck);
    const Answers a = write_and_see(60'000);
    std::size_t sum = 0;
    for (const Seen& s : a) sum += s.data.size();
    EXPECT_LE(sum, 4000U);
    EXPECT_GE(sum, 2 * kMss);
}

TEST_F(Send, nagle_holds_a_small_segment_while_another_is_under_way) {
    EXPECT_EQ(write_and_see(10).size(), 1U);
    EXPECT_TRUE(write_and_see(10).empty());
    EXPECT_TRUE(write_and_see(10).empty());
    const Answers a = peer_.acknowledge(peer_.ack + 10);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].data.size(), 20U);
}

TEST_F(Send, no_short_segment_in_the_middle_of_one_call) {
    EXPECT_EQ(write_and_see(1000, true).size(), 0U);
    const Answers a = write_and_see(2000, false);
    ASSERT_EQ(a.size(), 3U);
    EXPECT_EQ(a[0].data.size(), kMss);
    EXPECT_EQ(a[1].data.size(), kMss);
    EXPECT_EQ(a[2].data.size(), 80U) << "the end of a call does not wait for an ACK";
}

TEST_F(Send, three_duplicates_bring_the_lost_segment_at_once) {
    ASSERT_EQ(write_and_see(60'000).size(), 10U);
    EXPECT_EQ(peer_.send(kAck).size(), 1U) << "RFC 3042: limited transmit";
    EXPECT_EQ(peer_.send(kAck).size(), 1U);
    const Answers a = peer_.send(kAck);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].seq, peer_.ack) << "the hole";
    EXPECT_EQ(a[0].data.size(), kMss);
    EXPECT_EQ(count(TcpCount::timeouts), 0U);
    // RFC 6582: a partial ACK shows the next hole.
    const Answers b = peer_.acknowledge(peer_.ack + 3 * kMss);
    ASSERT_FALSE(b.empty());
    EXPECT_EQ(b[0].seq, peer_.ack);
    EXPECT_EQ(count(TcpCount::fast_retransmits), 1U);
    EXPECT_EQ(tp().recovery.phase, Recovery::Phase::recovery);
    peer_.acknowledge(tp().snd_max.raw());
    EXPECT_EQ(tp().recovery.phase, Recovery::Phase::open);
}

TEST_F(Send, a_window_change_is_no_duplicate) {
    ASSERT_EQ(write_and_see(60'000).size(), 10U);
    for (int i = 0; i < 5; ++i) {
        peer_.window = static_cast<std::uint16_t>(60'000 + i);
        peer_.send(kAck);
    }
    EXPECT_EQ(count(TcpCount::fast_retransmits), 0U);
}

TEST_F(Send, a_lone_lost_segment_comes_again_after_the_rto_and_then_ever_more_slowly) {
    ASSERT_EQ(write_and_see(100).size(), 1U);
    Duration wait = tp().rtt.rto();
    EXPECT_LE(wait, Duration::from_s(1));
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(peer_.wait(wait - Duration::from_ms(1)).empty()) << i;
        const Answers a = peer_.wait(Duration::from_ms(1));
        ASSERT_EQ(a.size(), 1U) << i;
        EXPECT_EQ(a[0].seq, peer_.ack);
        EXPECT_EQ(a[0].data.size(), 100U);
        wait = wait * 2;
    }
}

TEST_F(Send, karn_an_ack_of_a_retransmission_is_no_measurement) {
    ASSERT_EQ(write_and_see(100).size(), 1U);
    const Duration before = tp().rtt.smoothed();
    peer_.wait(Duration::from_ms(1500));
    peer_.acknowledge(peer_.ack + 100);
    EXPECT_EQ(tp().rtt.smoothed(), before);
}

TEST_F(Send, a_peer_that_says_nothing_for_long_is_given_up) {
    write_and_see(100);
    world_.advance(kGiveUpAfter - Duration::from_s(1));
    EXPECT_FALSE(so_->failed);
    world_.advance(Duration::from_s(62));
    EXPECT_TRUE(so_->failed);
    EXPECT_EQ(so_->error, SocketError::timed_out);
    EXPECT_EQ(net_.tcp.connections.stats().used, 0U);
}

TEST_F(Send, after_a_timeout_one_segment_then_two) {
    ASSERT_EQ(write_and_see(60'000).size(), 10U);
    const Answers a = peer_.wait(tp().rtt.rto());
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].seq, peer_.ack);
    EXPECT_EQ(peer_.acknowledge(peer_.ack + kMss).size(), 2U);
}

TEST_F(Send, a_closed_window_is_probed_ever_more_slowly_and_opens_again) {
    peer_.window = 0;
    peer_.send(kAck);
    EXPECT_TRUE(write_and_see(5000).empty());
    unsigned probes = 0;
    for (int minute = 0; minute < 30; ++minute) {
        introduce_peer(world_);  // this peer does not answer ARP by itself
        for (int s = 0; s < 60; ++s) {
            for (const Seen& probe : peer_.wait(Duration::from_s(1))) {
                ++probes;
                EXPECT_EQ(probe.seq, peer_.ack);
                EXPECT_EQ(probe.data.size(), 1U);
                peer_.send(kAck);  // still shut, still alive
            }
        }
    }
    EXPECT_GE(probes, 29U);
    EXPECT_LE(probes, 45U) << "RFC 1122 §4.2.2.17: backed off to a minute";
    ASSERT_FALSE(so_->failed) << "a slow peer is not a dead one: " << to_text(so_->error) << probes;
    peer_.window = 65535;
    std::size_t got = 0;
    for (const Seen& s : peer_.send(kAck)) got += s.data.size();
    EXPECT_EQ(got, 5000U);
}

TEST_F(Send, a_peer_that_takes_the_probes_byte_gets_the_rest_from_there) {
    peer_.window = 0;
    peer_.send(kAck);
    write_and_see(5000);
    ASSERT_GE(peer_.wait(Duration::from_s(1)).size(), 1U);
    peer_.window = 65535;
    const Answers a = peer_.acknowledge(peer_.ack + 1);
    ASSERT_FALSE(a.empty());
    EXPECT_EQ(a[0].seq, peer_.ack);
    std::size_t got = 0;
    for (const Seen& s : a) got += s.data.size();
    EXPECT_EQ(got, 4999U);
}

TEST_F(Send, a_window_probe_from_the_peer_is_answered) {
    std::size_t sent = 0;
    while (tp().advertised() > 0 && sent < 100'000) {
        peer_.say(std::string(std::min<std::size_t>(kMss, tp().advertised()), 'y'));
        sent += kMss;
    }
    ASSERT_EQ(tp().advertised(), 0U);
    const Answers a = peer_.send(kAck, "p");
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].window, 0);
    EXPECT_EQ(a[0].ack, peer_.seq);
    EXPECT_EQ(read(*so_, 1000).size(), 1000U);
    EXPECT_TRUE(peer_.take().empty()) << "RFC 9293 §3.8.6.2.2: no silly window";
    EXPECT_EQ(read(*so_, 40'000).size(), 40'000U);
    const Answers open = peer_.take();
    ASSERT_EQ(open.size(), 1U);
    EXPECT_GE(open[0].window, 40'000);
}

TEST_F(Send, delayed_acks_wait_for_a_second_segment_or_forty_milliseconds) {
    EXPECT_TRUE(peer_.say(std::string(kMss, 'a')).empty());
    EXPECT_EQ(peer_.say(std::string(kMss, 'b')).size(), 1U);
    EXPECT_TRUE(peer_.say("c").empty());
    EXPECT_TRUE(peer_.wait(kDelayedAck - Duration::from_ms(1)).empty());
    const Answers a = peer_.wait(Duration::from_ms(1));
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].ack, peer_.seq);
}

TEST_F(Send, two_small_segments_are_worth_an_ack_too) {
    peer_.say(std::string(kMss, 'a'));
    peer_.say(std::string(kMss, 'b'));
    EXPECT_TRUE(peer_.say("c").empty());
    EXPECT_EQ(peer_.say("d").size(), 1U);
}

TEST_F(Send, an_ack_rides_on_data) {
    peer_.say("big\n");
    const Answers a = write_and_see(5);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].ack, peer_.seq);
    EXPECT_TRUE(peer_.wait(kDelayedAck * 2).empty());
}

TEST_F(Send, what_the_link_refuses_is_sent_a_moment_later) {
    world_.link.room = 3;
    EXPECT_EQ(write_and_see(60'000).size(), 3U);
    world_.link.room = SIZE_MAX;
    EXPECT_EQ(peer_.wait(kResendAfterNoMemory).size(), 7U);
    EXPECT_EQ(count(TcpCount::timeouts), 0U);
}

TEST_F(Send, an_icmp_that_asks_for_smaller_packets_is_obeyed_within_reason) {
    ASSERT_EQ(write_and_see(5000).size(), 4U);
    const std::uint32_t una = tp().snd_una.raw();
    tcp_icmp_error(net_, 3, 4, 1000, tp().tuple, una - 1);
    EXPECT_EQ(tp().mss, kMss) << "not about anything under way";
    tcp_icmp_error(net_, 3, 4, 0, tp().tuple, una);
    tcp_icmp_error(net_, 3, 4, 65535, tp().tuple, una);
    EXPECT_EQ(tp().mss, kMss);
    tcp_icmp_error(net_, 3, 4, 1, tp().tuple, una);
    EXPECT_EQ(tp().mss, kMtuFloor - 40U);
    EXPECT_GE(peer_.take().at(0).data.size(), kMtuFloor - 40U);
    tcp_icmp_error(net_, 3, 3, 0, tp().tuple, una);
    EXPECT_FALSE(so_->failed) << "RFC 5927: soft";
}

TEST_F(Send, an_address_that_is_lost_takes_its_connections_along) {
    write_and_see(100);
    tcp_address_lost(net_, kBoard);
    EXPECT_TRUE(so_->failed);
    EXPECT_EQ(net_.tcp.connections.stats().used, 0U);
}

}  // namespace send_test
}  // namespace kyu::net
