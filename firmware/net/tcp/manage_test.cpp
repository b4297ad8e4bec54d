// Keeping and ending connections: keepalive, user timeout, cookies, paths that swallow segments.
#include "net/tcp/options_set.hpp"
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace manage_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kMss = 1460;

class Manage : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};

    void open(bool stamps = false) {
        peer_.options = mss_option(kMss);
        peer_.stamp.on = stamps;
        so_ = &established(peer_);
        peer_.options = {};
        world_.take_sent();
    }
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
    void choose(TcpSettings settings) { tcp_apply_settings(net_, *so_, settings); }
};

TcpSettings quick_keepalive() {
    TcpSettings s;
    s.keepalive = true;
    s.keep_idle = Duration::from_s(10);
    s.keep_interval = Duration::from_s(1);
    s.keep_count = 5;
    return s;
}

TEST_F(Manage, keepalive_finds_out_that_the_cable_is_pulled) {
    open(true);
    choose(quick_keepalive());
    EXPECT_TRUE(peer_.wait(Duration::from_ms(9'900)).empty());
    const Answers a = peer_.wait(Duration::from_ms(200));
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kAck));
    EXPECT_EQ(a[0].seq, peer_.ack - 1);
    EXPECT_TRUE(a[0].data.empty()) << "no byte for stacks of 1983";
    EXPECT_TRUE(a[0].options.has_timestamps) << "or PAWS would drop it";
    EXPECT_EQ(peer_.wait(Duration::from_s(4)).size(), 4U);
    const Answers last = peer_.wait(Duration::from_s(1));
    ASSERT_EQ(last.size(), 1U);
    EXPECT_TRUE(last[0].is(kRst | kAck));
    EXPECT_EQ(so_->error, SocketError::timed_out);
    EXPECT_EQ(count(TcpCount::keepalive_drops), 1U);
}

TEST_F(Manage, keepalive_is_content_with_any_answer) {
    open();
    choose(quick_keepalive());
    for (int i = 0; i < 20; ++i) {
        world_.advance(Duration::from_s(12));
        peer_.send(kAck);
    }
    EXPECT_FALSE(so_->failed);
    EXPECT_GE(count(TcpCount::keepalive_probes), 19U);
}

TEST_F(Manage, keepalive_counts_no_probe_that_was_answered) {
    open();
    TcpSettings s = quick_keepalive();
    s.keep_idle = Duration::from_s(1);
    s.keep_interval = Duration::from_s(5);
    choose(s);
    world_.advance(Duration::from_s(1));
    for (int i = 0; i < 20; ++i) {
        peer_.send(kAck);
        world_.advance(Duration::from_s(5));
    }
    EXPECT_FALSE(so_->failed) << "though it was silent for longer than a second each time";
    EXPECT_EQ(count(TcpCount::keepalive_probes), 21U);
    world_.advance(Duration::from_s(25));
    EXPECT_TRUE(so_->failed) << "and one that is gone is found as before";
}

TEST_F(Manage, keepalive_is_off_unless_asked_for) {
    open();
    world_.advance(Duration::from_s(100'000));
    EXPECT_FALSE(so_->failed);
    EXPECT_EQ(count(TcpCount::keepalive_probes), 0U);
}

TEST_F(Manage, a_user_timeout_ends_what_makes_no_progress) {
    open();
    TcpSettings s;
    s.user_timeout = Duration::from_s(5);
    choose(s);
    write(*so_, "lost");
    world_.advance(Duration::from_ms(4900));
    EXPECT_FALSE(so_->failed);
    world_.advance(Duration::from_s(5));
    EXPECT_TRUE(so_->failed);
    EXPECT_EQ(so_->error, SocketError::timed_out);
}

TEST_F(Manage, a_user_timeout_ends_a_window_that_stays_shut) {
    open();
    TcpSettings s;
    s.user_timeout = Duration::from_s(30);
    choose(s);
    peer_.window = 0;
    peer_.send(kAck);
    write(*so_, "never taken");
    for (int i = 0; i < 70 && !so_->failed; ++i) {
        world_.advance(Duration::from_s(1));
        peer_.send(kAck);
    }
    EXPECT_TRUE(so_->failed);
}

TEST_F(Manage, a_peer_may_ask_for_more_patience_within_limits) {
    open();
    peer_.options = {28, 4, 0x02, 0x58};  // 600 s
    peer_.say("x");
    EXPECT_EQ(tp().give_up_after, Duration::from_s(600));
    peer_.options = {28, 4, 0xFF, 0xFF};
    peer_.say("x");
    EXPECT_EQ(tp().give_up_after, kUserTimeoutMax);
    peer_.options = {28, 4, 0x00, 0x01};
    peer_.say("x");
    EXPECT_EQ(tp().give_up_after, kGiveUpAfter) << "less patience is no peer's to choose";
    TcpSettings s;
    s.user_timeout = Duration::from_s(30);
    choose(s);
    peer_.options = {28, 4, 0x02, 0x58};
    peer_.say("x");
    EXPECT_EQ(tp().give_up_after, Duration::from_s(30));
}

TEST_F(Manage, a_path_that_swallows_full_segments_gets_smaller_ones) {
    open();
    write(*so_, std::string(3 * kMss, 'x'));
    peer_.take();
    EXPECT_EQ(peer_.wait(tp().rtt.rto()).at(0).data.size(), kMss);
    const Answers a = peer_.wait(tp().rtt.rto());
    ASSERT_FALSE(a.empty());
    EXPECT_EQ(a[0].data.size(), kMtuFloor - 40U);
    EXPECT_EQ(count(TcpCount::black_holes), 1U);
    for (int i = 0; i < 20; ++i) {
        peer_.ack += std::min<std::uint32_t>(kMtuFloor - 40U, tp().snd_nxt.raw() - peer_.ack);
        peer_.send(kAck);
    }
    EXPECT_EQ(so_->send.size(), 0U);
}

TEST_F(Manage, settings_are_brought_within_their_limits) {
    open();
    TcpSettings s;
    s.receive_bytes = 1;
    s.send_bytes = UINT32_MAX;
    s.user_timeout = Duration::from_us(1);
    choose(s);
    EXPECT_EQ(so_->receive.limit(), kSockBufBytesMin);
    EXPECT_EQ(so_->send.limit(), kSockBufBytesMax);
    EXPECT_EQ(tp().give_up_after, kUserTimeoutMin);
    s.receive_bytes = UINT32_MAX;
    choose(s);
    EXPECT_EQ(so_->receive.limit(), kUnscaledBytes) << "this peer cannot scale";
}

TEST_F(Manage, a_listeners_settings_are_those_of_its_connections) {
    listen();
    TcpSettings s;
    s.receive_bytes = 8192;
    s.no_delay = true;
    s.congestion = CongestionAlgorithm::newreno;
    tcp_apply_settings(net_, listener(), s);
    so_ = &established(peer_);
    EXPECT_EQ(so_->receive.limit(), 8192U);
    EXPECT_EQ(tp().advertised(), 8192U);
    EXPECT_TRUE(tp().no_delay);
    EXPECT_EQ(tp().congestion.algorithm(), CongestionAlgorithm::newreno);
}

class Cookies : public Manage {
protected:
    void flood() {
        listen(8);
        for (std::uint32_t i = 0; i < kSynRecordsMax; ++i) {
            Peer stranger{world_, static_cast<std::uint16_t>(1024 + i), kPort};
            stranger.send(kSyn);
        }
        ASSERT_EQ(net_.tcp.syn_cache.stats().used, kSynRecordsMax);
    }
};

TEST_F(Cookies, carry_everything_that_was_agreed_on) {
    flood();
    peer_.options = joined(joined(mss_option(1400), scale_option(5)), sack_permitted_option());
    peer_.stamp.on = true;
    const Seen syn_ack = peer_.send(kSyn).at(0);
    EXPECT_EQ(count(TcpCount::cookies_sent), 1U);
    EXPECT_TRUE(syn_ack.options.sack_permitted && syn_ack.options.has_window_scale);
    peer_.options = {};
    peer_.seq++;
    peer_.ack = syn_ack.seq + 1;
    peer_.say("hello");
    so_ = accept();
    ASSERT_NE(so_, nullptr);
    EXPECT_EQ(count(TcpCount::cookies_taken), 1U);
    EXPECT_EQ(read(*so_), "hello");
    EXPECT_EQ(tp().mss, 1400U - 12);
    EXPECT_TRUE(tp().agreed.sack && tp().agreed.timestamps);
    EXPECT_EQ(tp().agreed.snd_scale, 5);
    const Answers a = peer_.wait(kDelayedAck);
    ASSERT_FALSE(a.empty());
    EXPECT_FALSE(static_cast<std::int32_t>(a[0].options.timestamp_value -
                                           syn_ack.options.timestamp_value) < 0)
        << "our clock must not go back";
}

TEST_F(Cookies, without_timestamps_keep_the_mss_alone) {
    flood();
    peer_.options = joined(joined(mss_option(1300), scale_option(5)), sack_permitted_option());
    const Seen syn_ack = peer_.send(kSyn).at(0);
    EXPECT_FALSE(syn_ack.options.sack_permitted || syn_ack.options.has_window_scale);
    peer_.options = {};
    peer_.seq++;
    peer_.acknowledge(syn_ack.seq + 1);
    so_ = accept();
    ASSERT_NE(so_, nullptr);
    EXPECT_EQ(tp().mss, 1220U) << "the next smaller of the table";
}

TEST_F(Cookies, are_believed_for_two_periods_and_from_the_same_peer_only) {
    flood();
    const Seen syn_ack = peer_.send(kSyn).at(0);
    peer_.seq++;
    peer_.ack = syn_ack.seq + 1;
    Peer thief{world_, 5999, kPort};
    thief.seq = peer_.seq;
    thief.ack = peer_.ack;
    EXPECT_TRUE(thief.send(kAck).at(0).is(kRst));
    Peer guess = peer_;
    guess.ack += 256;
    EXPECT_TRUE(guess.send(kAck).at(0).is(kRst));
    world_.advance(Duration::from_s(200));
    introduce_peer(world_);
    EXPECT_TRUE(peer_.send(kAck).at(0).is(kRst)) << "too late";
    EXPECT_EQ(count(TcpCount::cookies_taken), 0U);
}

TEST_F(Cookies, are_not_looked_at_when_there_are_none) {
    listen();
    peer_.ack = 12345;
    EXPECT_TRUE(peer_.send(kAck).at(0).is(kRst));
    EXPECT_EQ(count(TcpCount::cookies_taken), 0U);
}

class Reuse : public Manage {
protected:
    void reach_time_wait() {
        open(true);
        tcp_usr_close(net_, *so_);
        peer_.take();
        peer_.ack++;
        peer_.say("", kFin);
        ASSERT_EQ(net_.tcp.time_wait.stats().used, 1U);
    }
};

TEST_F(Reuse, a_later_timestamp_opens_anew_whatever_the_number) {
    reach_time_wait();
    peer_.seq -= 100'000;
    peer_.stamp.value += 5;
    peer_.options = mss_option(kMss);
    const Answers a = peer_.send(kSyn);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kSyn | kAck)) << "RFC 6191";
    EXPECT_EQ(count(TcpCount::time_wait_reused), 1U);
}

TEST_F(Reuse, an_earlier_timestamp_is_an_old_duplicate_whatever_the_number) {
    reach_time_wait();
    peer_.seq += 100'000;
    peer_.stamp.value -= 5;
    const Answers a = peer_.send(kSyn);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kAck));
    EXPECT_EQ(net_.tcp.time_wait.stats().used, 1U);
}

}  // namespace manage_test
}  // namespace kyu::net
