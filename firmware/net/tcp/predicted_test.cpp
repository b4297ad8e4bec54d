// Header prediction takes the short way and arrives at the same place (bsd-pitfalls D4).
#include <random>

#include "net/tcp/peer_test_support.hpp"

namespace kyu::net::test {
namespace predicted_test {

constexpr std::uint16_t kPort = 114;

/// One connection, told the same story with and without prediction.
class Told {
    TestNet world_{TestNet::with_address()};
    Peer peer_{world_, 40000, kPort};
    SocketId listener_{};
    Socket* so_{nullptr};

    void note(const Answers& answers) {
        for (const Seen& s : answers) {
            seen.push_back({s.seq, s.ack, s.flags, s.window, static_cast<unsigned>(s.data.size())});
        }
    }
    void write(std::size_t bytes) {
        if (so_->pcb == nullptr) return;
        const std::string data(bytes, 'w');
        so_->send.append_copy(world_.net.pool, std::as_bytes(std::span{data}), so_->pcb->mss);
        tcp_usr_send(world_.net, *so_, false);
        note(peer_.take());
    }
    void read(std::size_t most) {
        std::string into(most, '?');
        into.resize(so_->receive.take(std::as_writable_bytes(std::span{into})));
        text += into;
        tcp_usr_received(world_.net, *so_);
        note(peer_.take());
    }

public:
    struct Line {
        std::uint32_t seq, ack;
        unsigned flags, window, bytes;
        bool operator==(const Line&) const = default;
    };
    std::vector<Line> seen{};
    std::string text{};

    Told(bool predicts, bool options) {
        introduce_peer(world_);
        world_.net.tcp.predicts = predicts;
        listener_ = *tcp_usr_listen(world_.net, kPort, 5);
        if (options) {
            peer_.options =
                joined(joined(mss_option(1460), scale_option(3)), sack_permitted_option());
            peer_.stamp.on = true;
        }
        EXPECT_TRUE(peer_.connect());
        peer_.options = {};
        Socket* listening = world_.net.tcp.sockets.find(listener_);
        so_ = world_.net.tcp.sockets.find(tcp_usr_accept(world_.net, *listening));
    }
    ~Told() {
        world_.net.tcp.sockets.for_each([&](Socket& s) {
            if (s.owned) tcp_usr_abort(world_.net, s);
        });
    }

    /// Mostly what a bulk transfer looks like, now and then what it does not.
    void play(unsigned seed, unsigned steps) {
        std::mt19937 random{seed};
        const auto below = [&](unsigned n) { return static_cast<std::uint32_t>(random() % n); };
        for (unsigned i = 0; i < steps && so_->pcb != nullptr; ++i) {
            const std::uint32_t sent = so_->pcb->snd_max.raw();
            peer_.stamp.value += below(3);
            switch (below(12)) {
                case 0:
                case 1:
                case 2: note(peer_.say(std::string(1 + below(1460), 'x'))); break;
                case 3: note(peer_.say(std::string(1460, 'y'), kPsh)); break;
                case 4: write(1 + below(6000)); break;
                case 5:
                case 6: note(peer_.acknowledge(sent)); break;
                case 7: note(peer_.acknowledge(peer_.ack + (sent - peer_.ack) / 2)); break;
                case 8: read(below(5000)); break;
                case 9: note(peer_.wait(Duration::from_ms(below(60)))); break;
                case 10:
                    peer_.window = static_cast<std::uint16_t>(below(2) == 0 ? 65535 : below(9000));
                    note(peer_.acknowledge(peer_.ack));
                    break;
                default: {  // an old segment again, or one beyond a gap
                    const std::uint32_t keep = peer_.seq;
                    peer_.seq += below(2) == 0 ? 1460U : 0U - 100U;
                    note(peer_.send(kAck, std::string(100, 'z')));
                    peer_.seq = keep;
                }
            }
        }
        read(1'000'000);
    }
};

TEST(Prediction, sends_and_delivers_what_the_long_way_would) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        Told shortly{true, seed % 2 == 0};
        Told at_length{false, seed % 2 == 0};
        shortly.play(seed, 60);
        at_length.play(seed, 60);
        ASSERT_EQ(shortly.text, at_length.text) << "seed " << seed;
        const std::size_t common = std::min(shortly.seen.size(), at_length.seen.size());
        for (std::size_t i = 0; i < common; ++i) {
            const Told::Line& a = shortly.seen[i];
            const Told::Line& b = at_length.seen[i];
            ASSERT_EQ(a, b) << "seed " << seed << " answer " << i << ": seq " << a.seq << " not "
                            << b.seq << ", ack " << a.ack << " not " << b.ack << ", window "
                            << a.window << " not " << b.window << ", bytes " << a.bytes << " not "
                            << b.bytes;
        }
        ASSERT_EQ(shortly.seen.size(), at_length.seen.size()) << "seed " << seed;
    }
}

}  // namespace predicted_test
}  // namespace kyu::net::test
