// RFC 7323: window scale, timestamps, PAWS.
#include "net/tcp/options_set.hpp"
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace timestamps_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kMss = 1460;

class Rfc7323 : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};

    /// The handshake of a peer that offers `scale`, SACK and timestamps.
    void open(std::uint8_t scale = 0) {
        peer_.options =
            joined(joined(mss_option(kMss), scale_option(scale)), sack_permitted_option());
        peer_.stamp.on = true;
        if (listener_ == SocketId{}) listen();
        syn_ack_ = peer_.send(kSyn).at(0);
        peer_.options = {};
        peer_.seq++;
        peer_.ack = syn_ack_.seq + 1;
        peer_.stamp.value++;
        EXPECT_TRUE(peer_.send(kAck).empty());
        so_ = accept();
        ASSERT_NE(so_, nullptr);
    }
    Seen syn_ack_{};
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
    Answers write_and_see(std::size_t bytes) {
        write(*so_, std::string(bytes, 'x'));
        return peer_.take();
    }
};

TEST_F(Rfc7323, a_peer_that_offers_everything_is_answered_with_everything) {
    open(7);
    EXPECT_EQ(syn_ack_.mss, kMss) << "RFC 6691: the MSS option does not know of other options";
    EXPECT_TRUE(syn_ack_.options.has_window_scale);
    EXPECT_EQ(syn_ack_.options.window_scale, scale_for(kReceiveBytes));
    EXPECT_TRUE(syn_ack_.options.sack_permitted);
    EXPECT_EQ(syn_ack_.options.timestamp_echo, peer_.stamp.value - 1);
    EXPECT_EQ(syn_ack_.window, 65535) << "the window of a SYN is not scaled";
}

TEST_F(Rfc7323, a_peer_that_offers_nothing_gets_nothing) {
    Peer plain{world_, 5001, kPort};
    listen();
    const Answers a = plain.send(kSyn);
    EXPECT_FALSE(a.at(0).options.has_window_scale);
    EXPECT_FALSE(a.at(0).options.has_timestamps);
    EXPECT_FALSE(a.at(0).options.sack_permitted);
}

TEST_F(Rfc7323, payload_shrinks_by_the_option_that_every_segment_carries) {
    open();
    const Answers a = write_and_see(60'000);
    ASSERT_EQ(a.size(), 10U);
    for (const Seen& s : a) {
        EXPECT_EQ(s.data.size(), kMss - 12);
        EXPECT_TRUE(s.options.has_timestamps);
        EXPECT_EQ(s.options.timestamp_echo, peer_.stamp.value);
    }
}

TEST_F(Rfc7323, the_peers_windows_are_shifted_and_ours_are) {
    open(4);
    peer_.window = 1000;
    peer_.send(kAck);
    EXPECT_EQ(tp().snd_wnd, 16'000U);
    std::size_t sum = 0;
    for (const Seen& s : write_and_see(60'000)) sum += s.data.size();
    EXPECT_LE(sum, 16'000U);
    EXPECT_GT(sum, 14'000U) << "ten segments of the initial window";
    peer_.say("hello");
    const Seen ack = peer_.wait(kDelayedAck).at(0);
    EXPECT_EQ(std::uint32_t{ack.window} << scale_for(kReceiveBytes),
              (kReceiveBytes - 5) & ~((1U << scale_for(kReceiveBytes)) - 1));
}

TEST_F(Rfc7323, a_right_edge_that_was_promised_stays_good_though_rounded_down) {
    open();
    peer_.say("hello");
    peer_.wait(kDelayedAck);
    SeqNum edge = tp().rcv_adv;
    for (int i = 0; i < 20; ++i) {
        peer_.say("odd");
        peer_.wait(kDelayedAck);
        EXPECT_FALSE(tp().rcv_adv.is_before(edge));
        edge = tp().rcv_adv;
    }
    EXPECT_LE((edge - tp().irs).value, 1 + kReceiveBytes) << "nor does rounding let it creep on";
}

TEST_F(Rfc7323, more_than_64_kilobytes_may_be_under_way_to_us) {
    open();
    peer_.say("x");
    peer_.wait(kDelayedAck);
    std::size_t sent = 1;
    while (tp().advertised() >= kMss) {
        peer_.say(std::string(kMss - 12, 'y'));
        sent += kMss - 12;
    }
    EXPECT_GT(sent, kReceiveBytes - 2 * kMss);
    EXPECT_EQ(so_->receive.size(), sent);
}

TEST_F(Rfc7323, the_clock_counts_milliseconds_from_an_offset_of_its_own) {
    open();
    const std::uint32_t first = write_and_see(1).at(0).options.timestamp_value;
    peer_.wait(Duration::from_ms(50));
    peer_.acknowledge(peer_.ack + 1);
    EXPECT_EQ(write_and_see(1).at(0).options.timestamp_value - first, 50U);
    peer_.acknowledge(peer_.ack + 1);
    const Peer before = peer_;
    peer_ = Peer{world_, 5001, kPort};
    open();
    const std::uint32_t other = write_and_see(1).at(0).options.timestamp_value;
    EXPECT_GT(other - before.stamp.echo, 1000U) << "tells nobody the uptime";
}

TEST_F(Rfc7323, paws_drops_and_acknowledges_an_old_duplicate) {
    open();
    peer_.say("new");
    peer_.wait(kDelayedAck);
    Peer old = peer_;
    old.stamp.value -= 10;
    const Answers a = old.send(kAck, "old");
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kAck));
    EXPECT_EQ(a[0].options.timestamp_echo, peer_.stamp.value);
    EXPECT_EQ(count(TcpCount::drop_paws), 1U);
    EXPECT_EQ(read(*so_), "new");
}

TEST_F(Rfc7323, after_24_days_of_silence_paws_believes_any_timestamp) {
    open();
    world_.advance(Duration::from_s(25LL * 24 * 3600));
    introduce_peer(world_);
    peer_.stamp.value -= 1000;  // the peer's clock went round
    peer_.say("still here");
    EXPECT_EQ(read(*so_), "still here");
    EXPECT_EQ(tp().agreed.ts_recent, peer_.stamp.value);
}

TEST_F(Rfc7323, timestamps_may_wrap) {
    peer_.stamp.value = 0xFFFF'FFF0;
    open();
    for (int i = 0; i < 4; ++i) {
        peer_.stamp.value += 8;
        peer_.say("tick");
    }
    EXPECT_EQ(read(*so_), "ticktickticktick");
}

TEST_F(Rfc7323, who_agreed_to_timestamps_and_sends_none_is_not_heard_but_may_reset) {
    open();
    peer_.stamp.on = false;
    EXPECT_TRUE(peer_.send(kAck, "bare").empty());
    EXPECT_EQ(so_->receive.size(), 0U);
    EXPECT_EQ(count(TcpCount::drop_no_timestamp), 1U);
    peer_.send(kRst);
    EXPECT_TRUE(so_->failed);
}

TEST_F(Rfc7323, what_is_echoed_is_of_the_segment_that_moved_the_acknowledgement) {
    open();
    peer_.say(std::string(100, 'a'));  // not acknowledged yet
    const std::uint32_t first = peer_.stamp.value;
    peer_.stamp.value += 30;
    const Answers a = peer_.say(std::string(100, 'b'));
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].options.timestamp_echo, first) << "the delay counts (RFC 7323 §4.3)";
    peer_.stamp.value += 30;
    peer_.seq += 100;
    const Answers gap = peer_.send(kAck, "later");
    EXPECT_EQ(gap.at(0).options.timestamp_echo, first) << "beyond a gap nothing moved";
}

TEST_F(Rfc7323, resets_and_challenge_acks_carry_timestamps_too) {
    open();
    const Answers challenge = peer_.send(kSyn);
    EXPECT_TRUE(challenge.at(0).options.has_timestamps);
    world_.take_sent();
    tcp_usr_abort(net_, *so_);
    const Answers reset = peer_.take();
    EXPECT_TRUE(reset.at(0).is(kRst | kAck));
    EXPECT_TRUE(reset.at(0).options.has_timestamps);
}

TEST_F(Rfc7323, a_time_wait_answers_with_timestamps) {
    open();
    tcp_usr_close(net_, *so_);
    peer_.take();
    peer_.ack++;
    peer_.say("", kFin);
    peer_.seq--;
    EXPECT_TRUE(peer_.send(kFin | kAck).at(0).options.has_timestamps);
}

TEST_F(Rfc7323, an_echo_measures_what_was_sent_twice_and_a_made_up_one_does_not) {
    open();
    const Duration before = tp().rtt.smoothed();
    write_and_see(100);
    peer_.wait(tp().rtt.rto());  // sent again; `stamp.echo` is the second copy's
    world_.advance(Duration::from_ms(80));
    Peer liar = peer_;
    for (const std::uint32_t echo : {0U, peer_.stamp.echo + 10'000, peer_.stamp.echo - 100'000}) {
        liar.stamp.echo = echo;
        liar.ack = peer_.ack;
        liar.send(kAck);
    }
    EXPECT_EQ(tp().rtt.smoothed(), before);
    peer_.acknowledge(peer_.ack + 100);
    EXPECT_GT(tp().rtt.smoothed(), before + Duration::from_ms(5));
    EXPECT_LT(tp().rtt.smoothed(), Duration::from_ms(81));
}

TEST_F(Rfc7323, the_timestamp_of_a_guessed_ack_is_not_believed) {
    open();
    Peer liar = peer_;
    liar.stamp.value += 1'000'000;
    liar.ack += 9998;
    EXPECT_EQ(liar.send(kAck | kFin).size(), 1U) << "challenged";
    liar.ack = peer_.ack;
    EXPECT_TRUE(liar.send(kPsh, "no ACK").empty());
    peer_.say("still heard");
    EXPECT_EQ(read(*so_), "still heard");
    EXPECT_EQ(count(TcpCount::drop_paws), 0U);
}

TEST_F(Rfc7323, what_a_socket_does_not_offer_is_not_used_either_way) {
    TcpSettings plain;
    plain.offer_scaling = plain.offer_timestamps = plain.offer_sack = false;
    Peer server{world_, 2022, 0};
    world_.take_sent();
    const auto id = tcp_usr_connect(net_, {kPeer, server.port}, plain);
    ASSERT_TRUE(id);
    const Seen syn = server.take().at(0);
    EXPECT_FALSE(syn.options.has_timestamps || syn.options.sack_permitted ||
                 syn.options.has_window_scale);
    Socket& so = *net_.tcp.sockets.find(*id);
    server.board_port = so.pcb->tuple.local.port;
    server.ack = syn.seq + 1;
    server.options = joined(scale_option(2), sack_permitted_option());
    server.stamp.on = true;
    server.send(kSyn | kAck);
    EXPECT_FALSE(so.pcb->agreed.timestamps || so.pcb->agreed.sack || so.pcb->agreed.scaling);
    EXPECT_EQ(so.pcb->agreed.snd_scale, 0) << "the window of a peer that did not ask us";
    tcp_usr_abort(net_, so);
}

TEST_F(Rfc7323, the_scale_of_our_syn_holds_whatever_the_user_wants_later) {
    TcpSettings settings;
    settings.scale_at_least = 6;
    Peer server{world_, 2022, 0};
    world_.take_sent();
    const auto id = tcp_usr_connect(net_, {kPeer, server.port}, settings);
    ASSERT_TRUE(id);
    const Seen syn = server.take().at(0);
    EXPECT_EQ(syn.options.window_scale, 6);
    Socket& so = *net_.tcp.sockets.find(*id);
    settings.scale_at_least = 0;
    settings.receive_bytes = 8192;
    tcp_apply_settings(net_, so, settings);
    server.board_port = so.pcb->tuple.local.port;
    server.ack = syn.seq + 1;
    server.options = scale_option(2);
    server.send(kSyn | kAck);
    EXPECT_EQ(so.pcb->agreed.rcv_scale, 6);
    tcp_usr_abort(net_, so);
}

TEST_F(Rfc7323, an_active_open_offers_everything_and_uses_what_is_accepted) {
    for (const bool accepts : {false, true}) {
        Peer server{world_, static_cast<std::uint16_t>(accepts ? 2022 : 2023), 0};
        world_.take_sent();
        const auto id = tcp_usr_connect(net_, {kPeer, server.port});
        ASSERT_TRUE(id);
        const Seen syn = server.take().at(0);
        EXPECT_TRUE(syn.options.has_timestamps && syn.options.sack_permitted);
        EXPECT_EQ(syn.options.window_scale, scale_for(kReceiveBytes));
        Socket& so = *net_.tcp.sockets.find(*id);
        server.board_port = so.pcb->tuple.local.port;
        server.ack = syn.seq + 1;
        server.options = mss_option(kMss);
        if (accepts) server.options = joined(server.options, scale_option(2));
        server.stamp.on = accepts;
        const Seen ack = server.send(kSyn | kAck).at(0);
        EXPECT_EQ(ack.options.has_timestamps, accepts);
        EXPECT_EQ(so.pcb->agreed.rcv_scale, accepts ? scale_for(kReceiveBytes) : 0);
        EXPECT_EQ(so.pcb->mss, accepts ? kMss - 12 : kMss);
        EXPECT_EQ(so.receive.limit(), accepts ? kReceiveBytes : kUnscaledBytes);
        tcp_usr_abort(net_, so);
    }
}

}  // namespace timestamps_test
}  // namespace kyu::net
