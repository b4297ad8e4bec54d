// RFC 3168: who asks, who is asked, what a mark does and what it does not.
#include "net/tcp/ecn.hpp"
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace ecn_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kMss = 1460;
constexpr std::uint8_t kEce = TcpFlags::kEce;
constexpr std::uint8_t kCwr = TcpFlags::kCwr;

class Ecn : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};

    void open() {
        peer_.options = mss_option(kMss);
        listen();
        const Seen syn_ack = peer_.send(kSyn | kEce | kCwr).at(0);
        EXPECT_EQ(syn_ack.flags & kEcnSetup, kEce);
        EXPECT_EQ(syn_ack.tos, 0) << "no SYN is ECN-capable";
        peer_.options = {};
        peer_.seq++;
        peer_.ack = syn_ack.seq + 1;
        peer_.send(kAck);
        so_ = accept();
        ASSERT_NE(so_, nullptr);
    }
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
    Answers write_and_see(std::size_t bytes) {
        write(*so_, std::string(bytes, 'x'));
        return peer_.take();
    }
};

TEST_F(Ecn, new_data_are_ecn_capable_and_nothing_else_is) {
    open();
    for (const Seen& s : write_and_see(5 * kMss)) EXPECT_EQ(s.tos & kEcnMask, kEct0);
    for (const Seen& s : peer_.wait(tp().rtt.rto())) EXPECT_EQ(s.tos, 0) << "sent again";
    peer_.acknowledge(tp().snd_max.raw());
    peer_.say("x");
    for (const Seen& s : peer_.wait(kDelayedAck)) EXPECT_EQ(s.tos, 0) << "a bare ACK";
}

TEST_F(Ecn, a_mark_is_echoed_until_the_peer_says_it_has_slowed_down) {
    open();
    peer_.tos = kCongestionExperienced;
    Answers a = peer_.say("marked");
    peer_.tos = kEct0;
    ASSERT_EQ(a.size(), 1U) << "at once";
    EXPECT_NE(a[0].flags & kEce, 0);
    peer_.say("more");
    a = peer_.wait(kDelayedAck);
    EXPECT_NE(a.at(0).flags & kEce, 0);
    peer_.say("slower now", kCwr);
    a = peer_.wait(kDelayedAck);
    EXPECT_EQ(a.at(0).flags & kEce, 0);
    EXPECT_EQ(read(*so_), "markedmoreslower now");
}

TEST_F(Ecn, an_echo_brings_the_window_down_once_a_round_trip) {
    open();
    const std::size_t burst = write_and_see(60 * kMss).size();
    const std::uint32_t before = tp().congestion.window();
    std::vector<Seen> sent;
    for (std::size_t i = 0; i < burst; ++i) {
        peer_.ack += kMss;
        for (Seen& s : peer_.send(kAck | kEce)) sent.push_back(std::move(s));
    }
    EXPECT_EQ(count(TcpCount::ecn_reductions), 1U);
    EXPECT_LE(tp().congestion.window(), before * 3 / 4 + 4 * kMss);
    ASSERT_FALSE(sent.empty());
    EXPECT_NE(sent[0].flags & kCwr, 0) << "the peer is told";
    for (std::size_t i = 1; i < sent.size(); ++i) EXPECT_EQ(sent[i].flags & kCwr, 0);
    peer_.ack = tp().snd_max.raw();
    peer_.send(kAck | kEce);
    write_and_see(kMss);
    peer_.ack = tp().snd_max.raw();
    EXPECT_EQ(count(TcpCount::retransmits), 0U);
}

TEST_F(Ecn, who_did_not_ask_is_not_marked_and_cannot_slow_us) {
    Socket& so = established(peer_);
    write(so, std::string(3000, 'x'));
    for (const Seen& s : peer_.take()) EXPECT_EQ(s.tos, 0);
    peer_.tos = kCongestionExperienced;
    peer_.send(kAck | kEce, "data");
    EXPECT_EQ(count(TcpCount::ecn_reductions), 0U);
    EXPECT_EQ(count(TcpCount::ecn_marks), 0U);
}

TEST_F(Ecn, a_syn_that_has_to_be_sent_again_asks_for_nothing) {
    Peer server{world_, 2022, 0};
    world_.take_sent();
    const auto id = tcp_usr_connect(net_, {kPeer, 2022});
    ASSERT_TRUE(id);
    const Seen first = server.take().at(0);
    EXPECT_TRUE(ecn_asks(TcpFlags{first.flags}));
    const Seen again = server.wait(kRtoInitial).at(0);
    EXPECT_EQ(again.flags, kSyn) << "the path may not bear the bits";
    Socket& so = *net_.tcp.sockets.find(*id);
    server.board_port = so.pcb->tuple.local.port;
    server.ack = first.seq + 1;
    server.send(kSyn | kAck | kEce);
    EXPECT_FALSE(so.pcb->agreed.ecn);
}

TEST_F(Ecn, a_server_that_copies_the_bits_has_not_understood_them) {
    for (const std::uint8_t answer : {std::uint8_t{0}, std::uint8_t{kEce | kCwr}, kEce}) {
        Peer server{world_, static_cast<std::uint16_t>(2022 + answer), 0};
        world_.take_sent();
        const auto id = tcp_usr_connect(net_, {kPeer, server.port});
        ASSERT_TRUE(id);
        const Seen syn = server.take().at(0);
        Socket& so = *net_.tcp.sockets.find(*id);
        server.board_port = so.pcb->tuple.local.port;
        server.ack = syn.seq + 1;
        server.send(static_cast<std::uint8_t>(kSyn | kAck | answer));
        EXPECT_EQ(so.pcb->agreed.ecn, answer == kEce);
    }
}

}  // namespace ecn_test
}  // namespace kyu::net
