// Segments that an honest peer would not send (RFC 5961, packet cases 32 to 46).
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace attack_test {

using namespace test;  // NOLINT(google-build-using-namespace)

class Attack : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};
    Attack() {
        peer_.options = {2, 4, 0x05, 0xB4};
        so_ = &established(peer_);
        peer_.options = {};
    }
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
    /// `peer_` with other numbers.
    [[nodiscard]] Peer forged(std::uint32_t seq, std::uint32_t ack) {
        Peer p = peer_;
        p.seq = seq;
        p.ack = ack;
        return p;
    }
};

TEST_F(Attack, a_reset_must_hit_the_exact_number) {
    EXPECT_TRUE(forged(peer_.seq + 70'000, peer_.ack).send(kRst).empty()) << "outside: dropped";
    EXPECT_TRUE(forged(peer_.seq - 1, peer_.ack).send(kRst).empty());
    const Answers a = forged(peer_.seq + 1, peer_.ack).send(kRst);
    ASSERT_EQ(a.size(), 1U) << "inside: challenged";
    EXPECT_TRUE(a[0].is(kAck));
    EXPECT_FALSE(so_->failed);
    peer_.send(kRst);
    EXPECT_TRUE(so_->failed);
    EXPECT_EQ(so_->error, SocketError::reset);
}

TEST_F(Attack, a_reset_with_text_counts_behind_a_closed_window_too) {
    for (int i = 0; i < 45; ++i) peer_.say(std::string(1456, 'z'));
    peer_.say(std::string(kUnscaledBytes - 45 * 1456, 'z'));
    ASSERT_EQ(tp().advertised(), 0U);
    EXPECT_TRUE(forged(peer_.seq + 1, peer_.ack).send(kRst, "why").empty());
    EXPECT_FALSE(so_->failed);
    peer_.send(kRst, "why");
    EXPECT_TRUE(so_->failed) << "RFC 9293 MUST-66";
}

TEST_F(Attack, a_syn_is_challenged_wherever_it_lies) {
    for (const std::uint32_t offset : {0U, 100U, 100'000U, 0x8000'0000U}) {
        const Answers a = forged(peer_.seq + offset, peer_.ack).send(kSyn);
        ASSERT_EQ(a.size(), 1U) << offset;
        EXPECT_TRUE(a[0].is(kAck));
        EXPECT_EQ(a[0].ack, peer_.seq);
    }
    EXPECT_EQ(state(*so_), ConnectionState::established);
}

TEST_F(Attack, acks_of_the_future_and_of_the_far_past_are_challenged) {
    EXPECT_EQ(forged(peer_.seq, peer_.ack + 1).send(kAck, "evil").size(), 1U);
    EXPECT_EQ(forged(peer_.seq, peer_.ack - 70'000).send(kAck, "evil").size(), 1U);
    EXPECT_EQ(so_->receive.size(), 0U);
    EXPECT_EQ(count(TcpCount::drop_ack), 2U);
}

TEST_F(Attack, challenges_are_limited) {
    std::size_t answers = 0;
    for (int i = 0; i < 1000; ++i) answers += peer_.send(kSyn).size();
    EXPECT_LE(answers, kChallengeAcksPerSecond);
    EXPECT_GE(answers, kChallengeAcksPerSecond / 2);
}

TEST_F(Attack, two_ends_that_disagree_do_not_answer_each_other_for_ever) {
    std::size_t answers = 0;
    Peer confused = forged(peer_.seq + 500'000, peer_.ack);
    for (int i = 0; i < 1000; ++i) answers += confused.send(kAck).size();
    EXPECT_LE(answers, kChallengeAcksPerSecond);
}

TEST_F(Attack, data_outside_the_window_is_answered_and_not_taken) {
    EXPECT_EQ(forged(peer_.seq + 65535 + 1460, peer_.ack).send(kAck, "evil").size(), 1U);
    EXPECT_EQ(forged(peer_.seq - 4, peer_.ack).send(kAck, "evil").size(), 1U);
    EXPECT_EQ(so_->receive.size(), 0U);
}

TEST_F(Attack, of_data_across_the_edges_only_the_inside_is_taken) {
    forged(peer_.seq - 3, peer_.ack).send(kAck, "XXXabc");
    EXPECT_EQ(read(*so_), "abc");
    peer_.seq += 3;
    so_->receive.set_limit(kUnscaledBytes - 3);
    const std::uint32_t left = tp().advertised();
    forged(peer_.seq + left - 2, peer_.ack).send(kAck | kFin, "yzBEYOND");
    EXPECT_EQ(tp().reassembly.count(), 1U);
    EXPECT_FALSE(tp().reassembly.fin_known()) << "a FIN beyond the window is not there";
}

TEST_F(Attack, a_segment_across_the_edge_is_taken_whole_where_there_is_room) {
    const std::string text(kUnscaledBytes + 100, 't');
    so_->receive.set_limit(kReceiveBytes);
    const std::uint32_t cut = kUnscaledBytes - 1360;
    forged(peer_.seq + cut, peer_.ack).send(kAck | kFin, text.substr(cut));
    EXPECT_EQ(tp().advertised(), kUnscaledBytes) << "it has told of no wider window";
    for (std::uint32_t at = 0; at < cut; at += 1400) {
        peer_.say(text.substr(at, std::min(1400U, cut - at)));
    }
    EXPECT_EQ(so_->receive.size(), text.size());
    EXPECT_EQ(state(*so_), ConnectionState::close_wait);
    EXPECT_TRUE(read(*so_) == text);
}

TEST_F(Attack, single_bytes_at_every_second_place_cost_little) {
    for (std::uint32_t i = 1; i < 60'000; i += 2) {
        forged(peer_.seq + i, peer_.ack).send(kAck, "x");
    }
    EXPECT_LE(tp().reassembly.count(), kReassemblyPerConnection);
    EXPECT_LT(world_.clusters_used(), 8U);
    peer_.say("abc");
    EXPECT_EQ(read(*so_), "axcx") << "first come, kept";
}

TEST_F(Attack, single_byte_segments_for_a_sleeping_reader_pin_little) {
    for (int i = 0; i < 65'535; ++i) peer_.say("z");
    EXPECT_EQ(so_->receive.size(), 65'535U);
    EXPECT_LE(so_->receive.memory(), sockbuf_memory(kUnscaledBytes));
    EXPECT_EQ(tp().advertised(), 0U);
    EXPECT_TRUE(read(*so_) == std::string(65'535, 'z'));
}

TEST_F(Attack, urgent_pointers_are_ignored_and_urgent_data_are_data) {
    for (const unsigned pointer : {0U, 1U, 4U, 5U, 65535U}) {
        Bytes t = peer_.segment(kAck | 0x20, "urge");
        put16(t, 18, pointer);
        put16(t, 16, 0);
        put16(t, 16, slow_checksum(joined(pseudo_header(kPeer, kBoard, 6, t.size()), t)));
        IpFields ip;
        ip.protocol = 6;
        world_.inject(ip_frame(ip, t));
        world_.settle();
        peer_.seq += 4;
        EXPECT_EQ(read(*so_), "urge") << pointer;
    }
}

TEST_F(Attack, every_mixture_of_flags_in_every_place_leaves_the_books_right) {
    // The invariants are checked inside (KYU_DEBUG_INVARIANTS); here: nothing else may break.
    write(*so_, "unacknowledged");
    for (unsigned flags = 0; flags < 256; ++flags) {
        for (const std::uint32_t offset : {0U, 1U, 65'534U, 65'535U, 65'536U, 0xFFFF'FFFFU}) {
            for (const std::uint32_t ack : {0U, 1U, 14U, 15U, 0xFFFF'0000U}) {
                if ((flags & kRst) != 0 && offset == 0) continue;  // rightly the end
                if ((flags & kFin) != 0 && offset == 0) continue;
                forged(peer_.seq + offset, peer_.ack + ack)
                    .send(static_cast<std::uint8_t>(flags), flags % 3 == 0 ? "d" : "");
                if (so_->pcb == nullptr) return ADD_FAILURE() << flags << " " << offset;
            }
        }
    }
}

class EveryState : public TcpWorld, public ::testing::WithParamInterface<int> {
protected:
    Peer peer_{world_, 5000, kPort};
    /// Brings a fresh connection into the state with this number; the board's port answers.
    void reach(int number, std::uint16_t port) {
        peer_ = Peer{world_, port, kPort};
        if (number == 0) return;  // LISTEN
        if (number == 1) {        // SYN-RECEIVED
            peer_.ack = peer_.send(kSyn).at(0).seq + 1;
            peer_.seq++;
            return;
        }
        Socket& so = established(peer_);
        if (number == 2) return;                              // ESTABLISHED
        if (number == 3 || number == 4) peer_.say("", kFin);  // CLOSE-WAIT, LAST-ACK
        if (number != 3) tcp_usr_close(net_, so);             // FIN-WAIT-1
        if (number == 6) peer_.acknowledge(peer_.ack + 1);    // FIN-WAIT-2
        if (number == 7) peer_.say("", kFin);                 // CLOSING
        if (number == 8) {                                    // TIME-WAIT
            peer_.ack++;
            peer_.say("", kFin);
        }
    }
};

TEST_P(EveryState, every_mixture_of_flags_does_no_harm) {
    listen(100);
    std::uint16_t port = 2000;
    for (unsigned flags = 0; flags < 64; ++flags) {
        for (const std::uint32_t offset : {0U, 1U, 70'000U, 0xFFFF'FFFFU}) {
            reach(GetParam(), port++);
            peer_.seq += offset;
            const auto f = static_cast<std::uint8_t>(flags);
            for (const Seen& s : peer_.send(f)) {
                EXPECT_FALSE((flags & kRst) != 0 && (s.flags & kRst) != 0)
                    << "a reset is never answered with a reset";
            }
            peer_.send(f, "data");
            // Whatever became of it, it must end.
            net_.tcp.sockets.for_each([&](Socket& s) {
                if (s.owned && !s.listening) tcp_usr_abort(net_, s);
            });
            while (Socket* child = accept()) tcp_usr_abort(net_, *child);
        }
    }
}
INSTANTIATE_TEST_SUITE_P(States, EveryState, ::testing::Range(0, 9));

}  // namespace attack_test
}  // namespace kyu::net
