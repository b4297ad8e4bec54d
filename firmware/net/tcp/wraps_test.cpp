// RFC 9293 §3.4, RFC 7323: a conversation is the same wherever sequence numbers and clocks begin.
#include <array>
#include <string>

#include "net/tcp/isn.hpp"
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace wraps_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint16_t kPort = 114;
constexpr Duration kDay = Duration::from_s(24LL * 3600);
/// Where 32 bits of milliseconds end: the clock of timestamps before it is shifted.
constexpr Instant kMillisecondsEnd = Instant::from_us(0x1'0000'0000 * 1000);

/// Where a conversation's numbers begin.
struct Beginning {
    const char* what;
    std::uint32_t board_iss{0};  ///< 0: wherever
    std::uint32_t peer_iss{1000};
    std::uint32_t peer_stamp{5000};
    Instant now{Instant::from_us(1'000'000)};
    bool board_stamp_ends{false};  ///< the board's timestamps wrap a second from now
};

const std::array kBeginnings{
    Beginning{.what = "nothing wraps"},
    Beginning{.what = "the board's numbers wrap", .board_iss = 0xFFFF'FF00},
    Beginning{.what = "the board's numbers pass the half", .board_iss = 0x7FFF'FF00},
    Beginning{.what = "the peer's numbers wrap", .peer_iss = 0xFFFF'FF00},
    Beginning{.what = "the peer's numbers pass the half", .peer_iss = 0x7FFF'FF00},
    Beginning{.what = "both wrap", .board_iss = 0xFFFF'FF00, .peer_iss = 0xFFFF'FF00},
    Beginning{.what = "the peer's timestamps wrap", .peer_stamp = 0xFFFF'FFC0},
    Beginning{.what = "the board's timestamps wrap", .board_stamp_ends = true},
    Beginning{.what = "the milliseconds wrap", .now = kMillisecondsEnd - Duration::from_s(1)},
    Beginning{.what = "the milliseconds pass the half",
              .now = Instant::from_us(0x8000'0000LL * 1000) - Duration::from_s(1)},
    Beginning{.what = "up for 60 days", .now = Instant::from_us(60 * kDay.us())},
};

FourTuple tuple_of(std::uint16_t peer_port) { return {{kBoard, kPort}, {kPeer, peer_port}}; }

/// The clock at which the board's next connection with `peer_port` begins as `b` says.
Instant clock_for(const LockedNet& net, std::uint16_t peer_port, const Beginning& b) {
    const FourTuple tuple = tuple_of(peer_port);
    if (b.board_stamp_ends) {
        const std::uint32_t ms = 0xFFFF'FFFFU - 1000 - timestamp_offset(net.random, tuple);
        return Instant::from_us(std::int64_t{ms} * 1000);
    }
    if (b.board_iss == 0) return b.now;
    const std::uint32_t turns = b.board_iss - initial_sequence(net.random, tuple, b.now).raw();
    return b.now + Duration::from_us(std::int64_t{turns} * 4);
}

class Conversation : public TcpWorld {
    static constexpr std::uint16_t kPeerPort = 5000;
    std::string told_;
    std::uint32_t first_stamp_{0};

    void tell(const Peer& peer, const Answers& answers) {
        for (const Seen& s : answers) {
            if ((s.flags & kSyn) != 0) {
                board_iss_ = s.seq;
                first_stamp_ = s.options.timestamp_value;
            }
            told_ += "seq " + std::to_string(s.seq - board_iss_) + " ack " +
                     std::to_string(s.ack - peer_iss_) + " flags " + std::to_string(s.flags) +
                     " window " + std::to_string(s.window) + " data " +
                     std::to_string(s.data.size()) + " stamp " +
                     std::to_string(s.options.timestamp_value - first_stamp_) + " sack";
            for (std::size_t i = 0; i < s.options.sack_count; ++i) {
                told_ += " " + std::to_string(s.options.sack[i].first.raw() - peer_iss_) + "-" +
                         std::to_string(s.options.sack[i].end.raw() - peer_iss_);
            }
            told_ += '\n';
        }
        told_ += "peer at " + std::to_string(peer.seq - peer_iss_) + '\n';
    }

protected:
    std::uint32_t board_iss_{0};
    std::uint32_t peer_iss_{0};

    /// Handshake, data and losses both ways, a pause, a timeout, and an end.
    std::string tell_all(const Beginning& b) {
        world_.set_now(clock_for(net_, kPeerPort, b));
        introduce_peer(world_);
        Peer peer{world_, kPeerPort, kPort};
        peer.seq = peer_iss_ = b.peer_iss;
        peer.stamp.on = true;
        peer.stamp.value = b.peer_stamp;
        peer.options = joined(joined(mss_option(1460), scale_option(7)), sack_permitted_option());
        listen();
        const Answers syn_ack = peer.send(kSyn);
        tell(peer, syn_ack);
        peer.options = {};
        ++peer.seq;
        peer.ack = syn_ack.at(0).seq + 1;
        tell(peer, peer.send(kAck));
        Socket& so = *accept();
        for (int i = 0; i < 8; ++i) {  // the third comes late
            peer.stamp.value += 10;
            if (i == 2) peer.seq += 100;
            tell(peer, peer.say(std::string(100, 'a')));
            if (i != 4) continue;
            peer.seq -= 400;
            tell(peer, peer.send(kAck, std::string(100, 'a')));
            peer.seq += 400;
        }
        EXPECT_EQ(read(so).size(), 900U) << b.what;
        tell(peer, peer.take());
        write(so, std::string(8000, 'b'));
        tell(peer, peer.take());
        const std::uint32_t una = peer.ack;
        peer.options = sack_option({{una + 1448, una + 4344}});
        tell(peer, peer.send(kAck));  // the first is lost
        tell(peer, peer.send(kAck));
        tell(peer, peer.send(kAck));
        peer.options = {};
        tell(peer, peer.acknowledge(una + 4344));
        tell(peer, peer.wait(Duration::from_s(3)));  // ... and so is the rest: timeouts
        peer.stamp.value += 3000;
        tell(peer, peer.acknowledge(una + 8000));
        tcp_usr_close(net_, so);
        tell(peer, peer.take());
        tell(peer, peer.acknowledge(una + 8001));
        tell(peer, peer.say("", kFin));
        EXPECT_EQ(net_.tcp.time_wait.stats().used, 1U) << b.what;
        return told_;
    }
};

class Another final : public Conversation {
    void TestBody() override {}

public:
    using Conversation::board_iss_;
    using Conversation::tell_all;
};

TEST_F(Conversation, is_the_same_wherever_its_numbers_and_clocks_begin) {
    const std::string plain = tell_all(kBeginnings[0]);
    EXPECT_GT(plain.size(), 1000U);
    for (std::size_t i = 1; i < kBeginnings.size(); ++i) {
        Another other;
        EXPECT_EQ(other.tell_all(kBeginnings[i]), plain) << kBeginnings[i].what;
        if (kBeginnings[i].board_iss != 0) {
            EXPECT_EQ(other.board_iss_, kBeginnings[i].board_iss);
        }
    }
}

}  // namespace wraps_test
}  // namespace kyu::net
