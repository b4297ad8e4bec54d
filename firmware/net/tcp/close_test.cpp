// Closing: every order in which two sides can stop talking.
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace close_test {

using namespace test;  // NOLINT(google-build-using-namespace)

class Close : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};

    /// The user closes; the peer sees FIN at `peer_.ack` and has not answered yet.
    void close(Socket& so) {
        world_.take_sent();
        tcp_usr_close(net_, so);
        const Answers a = peer_.take();
        ASSERT_EQ(a.size(), 1U);
        EXPECT_TRUE(a[0].is(kFin | kAck));
        EXPECT_EQ(a[0].seq, peer_.ack);
    }
    [[nodiscard]] std::uint32_t connections() const { return net_.tcp.connections.stats().used; }
    [[nodiscard]] std::uint32_t waiting() const { return net_.tcp.time_wait.stats().used; }
};

TEST_F(Close, ours_first_ends_in_time_wait_with_a_small_record_only) {
    Socket& so = established(peer_);
    close(so);
    EXPECT_TRUE(peer_.acknowledge(peer_.ack + 1).empty());
    const Answers last = peer_.say("", kFin);
    ASSERT_EQ(last.size(), 1U);
    EXPECT_TRUE(last[0].is(kAck));
    EXPECT_EQ(last[0].ack, peer_.seq);
    EXPECT_EQ(connections(), 0U);
    EXPECT_EQ(waiting(), 1U);
    world_.advance(kTimeWait);
    EXPECT_EQ(waiting(), 0U);
}

TEST_F(Close, theirs_first_leaves_nothing) {
    Socket& so = established(peer_);
    const Answers a = peer_.say("bye", kFin);
    ASSERT_EQ(a.size(), 1U) << "a FIN is acknowledged at once";
    EXPECT_EQ(a[0].ack, peer_.seq);
    EXPECT_EQ(state(so), ConnectionState::close_wait);
    EXPECT_EQ(read(so), "bye");
    EXPECT_TRUE(so.no_more_input);
    write(so, "and you");
    EXPECT_EQ(peer_.take().at(0).data, "and you");
    peer_.ack += 7;
    close(so);
    EXPECT_EQ(connections(), 1U);
    peer_.acknowledge(peer_.ack + 1);
    EXPECT_EQ(connections(), 0U);
    EXPECT_EQ(waiting(), 0U);
}

TEST_F(Close, both_at_once_pass_through_closing) {
    Socket& so = established(peer_);
    close(so);
    const Answers a = peer_.say("", kFin);  // does not acknowledge ours
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kFin | kAck)) << "which may be lost: it goes again with the ACK";
    EXPECT_EQ(a[0].seq, peer_.ack);
    EXPECT_EQ(a[0].ack, peer_.seq);
    const Answers again = peer_.send(kFin | kAck);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_TRUE(again[0].is(kAck)) << "and by itself when it is late";
    EXPECT_EQ(connections(), 1U);
    EXPECT_TRUE(peer_.acknowledge(peer_.ack + 1).empty());
    EXPECT_EQ(connections(), 0U);
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(Close, a_fin_that_comes_again_with_the_ack_of_ours_ends_closing) {
    Socket& so = established(peer_);
    close(so);
    peer_.say("", kFin);
    peer_.seq -= 1;
    ++peer_.ack;
    EXPECT_TRUE(peer_.send(kFin | kAck).empty());
    EXPECT_EQ(connections(), 0U);
    EXPECT_EQ(waiting(), 1U);
    EXPECT_EQ(peer_.send(kFin | kAck).size(), 1U) << "and again: TIME-WAIT answers";
}

TEST_F(Close, a_fin_above_the_first_is_acknowledged_and_is_nothing) {
    Socket& so = established(peer_);
    peer_.say("", kFin);
    ASSERT_EQ(state(so), ConnectionState::close_wait);
    for (int i = 0; i < 3; ++i) {
        const Answers again = peer_.send(kFin | kAck);
        ASSERT_EQ(again.size(), 1U);
        EXPECT_EQ(again[0].ack, peer_.seq);
    }
    close(so);  // LAST-ACK
    EXPECT_EQ(peer_.send(kFin | kAck).size(), 1U);
    EXPECT_EQ(connections(), 1U);
    Peer other{world_, 5001, kPort};
    peer_ = other;
    Socket& both = established(peer_);
    close(both);
    peer_.say("", kFin);  // CLOSING
    ++peer_.ack;
    const Answers last = peer_.send(kFin | kAck);
    ASSERT_EQ(last.size(), 1U);
    EXPECT_EQ(last[0].ack, peer_.seq);
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(Close, fin_and_ack_of_fin_in_one_segment) {
    Socket& so = established(peer_);
    close(so);
    peer_.ack++;
    EXPECT_EQ(peer_.say("", kFin).size(), 1U);
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(Close, what_is_queued_goes_out_before_the_fin) {
    Socket& so = established(peer_);
    peer_.window = 600;
    peer_.send(kAck);
    world_.take_sent();
    write(so, std::string(3000, 'x'));
    tcp_usr_close(net_, so);
    peer_.window = 65535;
    std::size_t got = 0;
    bool fin = false;
    for (Answers a = peer_.take(); !a.empty(); a = peer_.acknowledge(peer_.ack)) {
        for (const Seen& s : a) {
            EXPECT_EQ(s.seq, peer_.ack);
            got += s.data.size();
            peer_.ack += static_cast<std::uint32_t>(s.data.size());
            fin = (s.flags & kFin) != 0;
            EXPECT_EQ(fin, got == 3000);
        }
    }
    EXPECT_EQ(got, 3000U);
    EXPECT_TRUE(fin);
}

TEST_F(Close, a_fin_is_taken_once_however_often_it_comes) {
    Socket& so = established(peer_);
    peer_.send(kAck | kFin, "abc");
    const Answers again = peer_.send(kAck | kFin, "abc");
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].ack, peer_.seq + 4);
    EXPECT_EQ(read(so), "abc");
    EXPECT_EQ(state(so), ConnectionState::close_wait);
}

TEST_F(Close, a_fin_that_overtakes_data_waits_for_them) {
    Socket& so = established(peer_);
    const std::uint32_t start = peer_.seq;
    peer_.seq = start + 3;
    peer_.send(kAck | kFin, "def");
    EXPECT_EQ(state(so), ConnectionState::established);
    peer_.seq = start + 6;
    peer_.send(kAck, "beyond the FIN");
    peer_.seq = start;
    peer_.send(kAck, "abc");
    EXPECT_EQ(read(so), "abcdef");
    EXPECT_EQ(state(so), ConnectionState::close_wait);
}

TEST_F(Close, a_fin_that_comes_before_its_turn_is_answered_at_once) {
    Socket& so = established(peer_);
    peer_.seq += 3;
    const Answers a = peer_.send(kAck | kFin);
    ASSERT_EQ(a.size(), 1U) << "RFC 5681 §4.2: so that the peer hears of the gap";
    EXPECT_EQ(a[0].ack, peer_.seq - 3);
    EXPECT_EQ(state(so), ConnectionState::established);
}

TEST_F(Close, half_close_goes_on_receiving) {
    Socket& so = established(peer_);
    world_.take_sent();
    EXPECT_TRUE(tcp_usr_shutdown(net_, so));
    EXPECT_TRUE(peer_.take().at(0).is(kFin | kAck));
    peer_.acknowledge(peer_.ack + 1);
    EXPECT_EQ(state(so), ConnectionState::fin_wait_2);
    world_.advance(Duration::from_s(600));
    peer_.say("still here");
    EXPECT_EQ(read(so), "still here") << "a half-closed connection has no time limit";
}

TEST_F(Close, an_orphan_in_fin_wait_2_is_dropped_in_time) {
    Socket& so = established(peer_);
    close(so);
    peer_.acknowledge(peer_.ack + 1);
    const Answers a = peer_.wait(kOrphanLimit);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kRst | kAck));
    EXPECT_EQ(connections(), 0U);
    EXPECT_EQ(count(TcpCount::orphans_dropped), 1U);
}

TEST_F(Close, an_orphan_with_a_peer_that_is_gone_is_dropped_in_time) {
    Socket& so = established(peer_);
    write(so, std::string(5000, 'x'));
    tcp_usr_close(net_, so);
    world_.advance(kOrphanLimit + Duration::from_s(1));
    EXPECT_EQ(connections(), 0U);
}

TEST_F(Close, an_orphan_behind_a_closed_window_is_dropped_in_time) {
    Socket& so = established(peer_);
    peer_.window = 0;
    peer_.send(kAck);
    write(so, "never taken");
    tcp_usr_close(net_, so);
    for (int i = 0; i < 130; ++i) {
        world_.advance(Duration::from_s(1));
        peer_.send(kAck);  // alive, but its window stays shut
    }
    EXPECT_EQ(connections(), 0U);
}

TEST_F(Close, an_orphan_whose_peer_takes_crumbs_is_dropped_in_time) {
    Socket& so = established(peer_);
    peer_.window = 0;
    peer_.send(kAck);
    write(so, std::string(5000, 'x'));
    tcp_usr_close(net_, so);
    for (int i = 0; i < 100 && connections() > 0; ++i) {
        peer_.wait(Duration::from_s(30));
        peer_.acknowledge(peer_.ack + 1);  // takes the byte of a window probe
    }
    EXPECT_EQ(connections(), 0U);
}

TEST_F(Close, last_ack_that_never_comes_ends_in_time) {
    Socket& so = established(peer_);
    peer_.say("", kFin);
    close(so);
    world_.advance(kOrphanLimit + Duration::from_s(1));
    EXPECT_EQ(connections(), 0U);
}

TEST_F(Close, data_for_nobody_are_answered_with_a_reset_once_ours_are_delivered) {
    Socket& so = established(peer_);
    write(so, "last words");
    tcp_usr_close(net_, so);
    world_.take_sent();
    const Answers a = peer_.say("too late");
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kAck)) << "not yet: it might throw our last words away";
    const Answers b = peer_.acknowledge(peer_.ack + 11);
    ASSERT_EQ(b.size(), 1U);
    EXPECT_TRUE(b[0].is(kRst | kAck)) << "RFC 1122 §4.2.2.13";
    EXPECT_EQ(connections(), 0U);
}

TEST_F(Close, with_unread_data_tells_the_peer_so) {
    Socket& so = established(peer_);
    peer_.say("never read");
    close(so);
    const Answers a = peer_.acknowledge(peer_.ack + 1);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kRst | kAck)) << "RFC 2525 §2.17";
}

TEST_F(Close, abort_resets_at_once) {
    Socket& so = established(peer_);
    write(so, std::string(5000, 'x'));
    world_.take_sent();
    tcp_usr_abort(net_, so);
    EXPECT_TRUE(peer_.take().at(0).is(kRst | kAck));
    EXPECT_EQ(connections(), 0U);
}

class TimeWait : public Close {
protected:
    /// The board has closed first; the record waits for `peer_`.
    void reach() {
        Socket& so = established(peer_);
        close(so);
        peer_.ack++;
        peer_.say("", kFin);
        ASSERT_EQ(waiting(), 1U);
    }
};

TEST_F(TimeWait, ignores_resets) {
    reach();
    EXPECT_TRUE(peer_.send(kRst).empty());
    EXPECT_TRUE(peer_.send(kRst | kAck).empty());
    EXPECT_EQ(waiting(), 1U) << "RFC 1337";
}

TEST_F(TimeWait, drops_what_acknowledges_nothing) {
    reach();
    for (const std::uint32_t offset : {0U, 5U, 100'000U}) {
        Peer odd = peer_;
        odd.seq = peer_.seq + offset;
        EXPECT_TRUE(odd.send(kFin).empty()) << "RFC 9293 §3.10.7.4, fifth";
    }
    peer_.seq -= 5;
    EXPECT_EQ(peer_.send(kFin).size(), 1U) << "first: what lies before the window is answered";
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(TimeWait, answers_the_fin_again_and_waits_anew) {
    reach();
    world_.advance(kTimeWait - Duration::from_s(1));
    peer_.seq--;
    const Answers a = peer_.send(kFin | kAck);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kAck));
    EXPECT_EQ(a[0].ack, peer_.seq + 1);
    world_.advance(Duration::from_s(2));
    EXPECT_EQ(waiting(), 1U);
    EXPECT_TRUE(peer_.wait(kTimeWait).empty());
}

TEST_F(TimeWait, does_not_answer_what_has_no_ack) {  // RFC 9293 §3.10.7.4, fifth
    reach();
    for (const unsigned flags : {0U, 0U + kFin, 0U + kPsh, 0U + kFin + kPsh}) {
        EXPECT_TRUE(peer_.send(static_cast<std::uint8_t>(flags)).empty()) << flags;
    }
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(TimeWait, gives_way_to_a_new_syn_with_a_higher_number_only) {
    reach();
    const std::uint32_t old_end = peer_.ack;
    const std::uint32_t end = peer_.seq;
    peer_.seq = end - 100;
    const Answers old = peer_.send(kSyn);
    ASSERT_EQ(old.size(), 1U);
    EXPECT_TRUE(old[0].is(kAck)) << "an old duplicate";
    peer_.seq = end + 100;
    const Answers fresh = peer_.send(kSyn);
    ASSERT_EQ(fresh.size(), 1U);
    EXPECT_TRUE(fresh[0].is(kSyn | kAck));
    EXPECT_TRUE(SeqNum{fresh[0].seq}.is_after(SeqNum{old_end})) << "RFC 6191 §3";
    EXPECT_EQ(waiting(), 0U);
}

TEST_F(TimeWait, ten_thousand_of_them_fit_into_a_bounded_table) {
    listen();
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        Peer peer{world_, static_cast<std::uint16_t>(1024 + i), kPort};
        peer.address = kPeer;
        ASSERT_TRUE(peer.connect()) << i;
        Socket* so = accept();
        ASSERT_NE(so, nullptr);
        tcp_usr_close(net_, *so);
        peer.ack++;
        peer.say("", kFin);
    }
    EXPECT_EQ(waiting(), kTimeWaitMax);
    EXPECT_EQ(count(TcpCount::time_wait_recycled), 10'000 - kTimeWaitMax);
    EXPECT_EQ(connections(), 0U);
}

}  // namespace close_test
}  // namespace kyu::net
