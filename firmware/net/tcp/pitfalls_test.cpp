// Rows of the table in docs/tcp.md that no other test shows.
#include <algorithm>
#include <set>

#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace pitfalls_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kMss = 1460;

class Pitfall : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket& open(Peer& peer) {
        peer.options = mss_option(kMss);
        Socket& so = established(peer);
        peer.options = {};
        world_.take_sent();
        return so;
    }
};

TEST_F(Pitfall, a_megabyte_in_one_write_has_hardly_a_short_segment) {
    Socket& so = open(peer_);
    std::size_t left = 1 << 20;
    std::size_t got = 0;
    unsigned shorter = 0;
    const auto take = [&](const Answers& answers) {
        for (const Seen& s : answers) {
            got += s.data.size();
            if (!s.data.empty() && s.data.size() < kMss) ++shorter;
        }
    };
    for (int turn = 0; turn < 10'000 && got < (1U << 20U); ++turn) {
        const std::string part(std::min<std::size_t>(left, so.send.space()), 'x');
        left -= so.send.append_copy(net_.pool, std::as_bytes(std::span{part}), so.pcb->mss);
        tcp_usr_send(net_, so, left > 0);
        take(peer_.take());
        take(peer_.acknowledge(so.pcb->snd_max.raw()));
    }
    EXPECT_EQ(got, 1U << 20U);
    EXPECT_LE(shorter, 2U);
}

TEST_F(Pitfall, a_machine_that_stood_still_for_a_minute_drops_nobody) {
    listen(30);
    std::vector<Peer> peers;
    std::vector<Socket*> sockets;
    for (std::uint16_t i = 0; i < 20; ++i) {
        peers.emplace_back(world_, static_cast<std::uint16_t>(5000 + i), kPort);
        sockets.push_back(&open(peers.back()));
        write(*sockets.back(), "under way");
    }
    world_.take_sent();
    world_.set_now(net_.now() + Duration::from_s(60));  // in one step, no timer in between
    world_.settle();
    for (std::size_t i = 0; i < peers.size(); ++i) {
        EXPECT_FALSE(sockets[i]->failed);
        peers[i].acknowledge(peers[i].ack + 9);
        EXPECT_EQ(sockets[i]->send.size(), 0U);
    }
    EXPECT_LE(count(TcpCount::timeouts), 20U) << "one each, no catching up";
}

TEST_F(Pitfall, first_numbers_cannot_be_guessed_and_go_on_within_a_tuple) {
    listen(100);
    std::vector<std::uint32_t> first;
    for (std::uint16_t i = 0; i < 50; ++i) {
        Peer peer{world_, static_cast<std::uint16_t>(5000 + i), kPort};
        first.push_back(peer.send(kSyn).at(0).seq);
    }
    std::set<std::uint32_t> steps;
    for (std::size_t i = 1; i < first.size(); ++i) steps.insert(first[i] - first[i - 1]);
    EXPECT_EQ(steps.size(), first.size() - 1) << "no counter";
    Peer again{world_, 5000, kPort};
    again.send(kRst | kAck);
    again.seq++;
    again.send(kRst);
    world_.advance(Duration::from_s(1));
    again.seq += 50'000;
    const SeqNum later{again.send(kSyn).at(0).seq};
    EXPECT_EQ((later - SeqNum{first[0]}).value, 250'000U) << "RFC 6528: 4 microseconds each";
}

TEST_F(Pitfall, a_slow_reader_never_offers_a_silly_window) {
    Socket& so = open(peer_);
    while (so.pcb->advertised() > 0) {
        peer_.say(std::string(std::min<std::size_t>(kMss, so.pcb->advertised()), 'y'));
    }
    std::uint32_t edge = so.pcb->rcv_adv.raw();
    for (int i = 0; i < 60'000; ++i) {
        read(so, 1);
        for (const Seen& s : peer_.take()) {
            const std::uint32_t now = s.ack + s.window;
            if (now != edge) {
                EXPECT_GE(now - edge, kMss);
            }
            edge = now;
        }
    }
}

TEST_F(Pitfall, a_window_of_an_older_segment_is_not_taken) {
    Socket& so = open(peer_);
    peer_.say("new");
    Peer old = peer_;
    old.seq -= 3;
    old.window = 100;
    old.send(kAck, "new");
    EXPECT_EQ(so.pcb->snd_wnd, 65535U);
    peer_.send(kAck);
    old.ack -= 1;
    old.seq = peer_.seq;
    old.send(kAck);
    EXPECT_EQ(so.pcb->snd_wnd, 65535U) << "nor of an older acknowledgement";
}

}  // namespace pitfalls_test
}  // namespace kyu::net
