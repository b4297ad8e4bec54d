// Many connections, little memory: they slow each other down, and none stands still for ever.
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace pressure_test {

using namespace test;  // NOLINT(google-build-using-namespace)

class Pressure : public TcpWorld {
protected:
    static constexpr std::size_t kConnections = 20;
    std::vector<Peer> peers_;
    std::vector<Socket*> sockets_;

    Peer opened(std::uint16_t port) {
        Peer peer{world_, port, kPort};
        peer.options = joined(mss_option(1460), scale_option(7));
        sockets_.push_back(&established(peer));
        peer.options = {};
        return peer;
    }
    /// Each peer sends as much as its window lets it, and nobody reads.
    void fill() {
        listen(100);
        for (std::uint16_t i = 0; i < kConnections; ++i) {
            peers_.push_back(opened(static_cast<std::uint16_t>(5000 + i)));
            for (int n = 0; n < 60; ++n) say(peers_.back());
        }
    }
    /// One segment, if the board takes it.
    static bool say(Peer& peer) {
        const std::uint32_t before = peer.seq;
        peer.say(std::string(1400, 'p'));
        const Answers a = peer.wait(kDelayedAck);
        const bool taken = !a.empty() && a.back().ack == peer.seq;
        if (!a.empty() && !taken) peer.seq = a.back().ack;
        if (a.empty()) peer.seq = before;
        return taken;
    }
};

TEST_F(Pressure, readers_that_sleep_leave_room_for_others) {
    fill();
    EXPECT_GT(count(TcpCount::drop_pressure), 0U);
    EXPECT_TRUE(world_.pool.used_below(kPoolEighthsForReceive + 1));
    Peer late = opened(6000);
    EXPECT_TRUE(say(late)) << "a newcomer is served";
    write(*sockets_.back(), std::string(3000, 'o'));
    std::size_t got = 0;
    for (const Seen& s : late.take()) got += s.data.size();
    EXPECT_EQ(got, 3000U) << "and answered: senders get further than receivers";
}

TEST_F(Pressure, what_readers_take_out_makes_room_again) {
    fill();
    for (Socket* so : sockets_) read(*so, 1'000'000);
    for (Peer& peer : peers_) EXPECT_TRUE(say(peer));
    EXPECT_LT(world_.clusters_used(), 2 * kConnections);
}

}  // namespace pressure_test
}  // namespace kyu::net
