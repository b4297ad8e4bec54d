// The short ways: runs of full segments, trains of ACKs, and frames that are looked at where they
// lie. What goes over the wire, and what is counted, is what the long way makes of it.
#include <random>

#include "net/tcp/flow_image.hpp"
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net::test {
namespace express_test {

class Express : public TcpWorld {
protected:
    Peer peer_{world_, 40000, kPort};
    Socket* so_{nullptr};

    void SetUp() override {
        world_.link.offload = true;
        world_.net.interface.attach();
        peer_.window = 60'000;
        peer_.options = joined(joined(mss_option(1460), scale_option(7)), sack_permitted_option());
        peer_.stamp.on = true;
        so_ = &established(peer_);
        peer_.options = {};
        world_.take_sent();
    }
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
    [[nodiscard]] std::uint64_t count(TcpCount what) const { return net_.tcp.stats[what]; }
};

/// All frames of a conversation in which the board sends `bytes`, with everything acknowledged
/// after each burst.
std::vector<Bytes> sends(bool shortly, unsigned mss, bool stamps, std::size_t bytes,
                         std::uint32_t fail_nth = 0) {
    TestNet world = TestNet::with_address();
    world.link.offload = true;
    world.net.interface.attach();
    world.net.tcp.predicts = shortly;
    introduce_peer(world);
    const SocketId listener = *tcp_usr_listen(world.net, 114, 5);
    Peer peer{world, 40000, 114};
    peer.options = joined(mss_option(mss), scale_option(7));
    peer.stamp.on = stamps;
    EXPECT_TRUE(peer.connect());
    peer.options = {};
    world.take_sent();
    Socket* so = world.net.tcp.sockets.find(
        tcp_usr_accept(world.net, *world.net.tcp.sockets.find(listener)));
    const std::string data(bytes, 'd');
    EXPECT_EQ(so->send.append_copy(world.net.pool, std::as_bytes(std::span{data}), so->pcb->mss),
              bytes);
    world.pool.fail_nth(fail_nth);
    tcp_usr_send(world.net, *so, false);
    std::vector<Bytes> all;
    for (int burst = 0; burst < 60 && so->send.size() > 0; ++burst) {
        if (world.link.sent.empty()) world.advance(Duration::from_ms(1500));
        const std::uint32_t upto = so->pcb->snd_max.raw();
        for (Bytes& frame : world.take_sent()) all.push_back(std::move(frame));
        world.advance(Duration::from_ms(7));
        peer.queue_ack(upto);
        world.settle();
    }
    EXPECT_EQ(so->send.size(), 0U);
    tcp_usr_abort(world.net, *so);
    tcp_usr_abort(world.net, *world.net.tcp.sockets.find(listener));
    world.pool.fail_nth(0);
    EXPECT_EQ(world.segments_used(), 0U);
    EXPECT_EQ(world.clusters_used(), 0U);
    return all;
}

TEST(SegmentRun, puts_on_the_wire_what_single_segments_would_be_to_the_byte) {
    for (const unsigned mss : {536U, 1460U}) {
        for (const bool stamps : {false, true}) {
            for (const std::size_t bytes : {1460U, 2920U, 2921U, 14600U, 60000U}) {
                EXPECT_EQ(sends(true, mss, stamps, bytes), sends(false, mss, stamps, bytes))
                    << mss << ' ' << stamps << ' ' << bytes;
            }
        }
    }
}

TEST(SegmentRun, that_ends_for_want_of_memory_goes_on_where_it_ended) {
    for (std::uint32_t nth = 1; nth <= 40; ++nth) {
        const auto all = sends(true, 1460, true, 30000, nth);
        EXPECT_GE(all.size(), 21U) << nth;
    }
}

TEST_F(Express, a_train_of_acks_moves_the_window_once_and_opens_it_as_far_as_each_would) {
    write(*so_, std::string(10 * 1448, 'd'));
    const std::uint32_t first = tp().snd_una.raw();
    const std::uint32_t before = tp().congestion.window();
    world_.take_sent();
    for (unsigned i = 1; i <= 10; ++i) peer_.queue_ack(first + i * 1448);
    world_.settle();
    EXPECT_EQ(tp().snd_una.raw(), first + 10 * 1448);
    EXPECT_EQ(so_->send.size(), 0U);
    EXPECT_EQ(tp().congestion.window(), before + 10 * 1448) << "slow start: as much as was acked";
    EXPECT_FALSE(tp().armed(TcpTimer::retransmit));
}

TEST_F(Express, the_windows_of_a_train_are_those_of_its_last_ack_and_the_largest_is_remembered) {
    write(*so_, std::string(3 * 1448, 'd'));
    const std::uint32_t first = tp().snd_una.raw();
    peer_.window = 500;
    peer_.queue_ack(first + 1448);
    peer_.window = 400;
    peer_.queue_ack(first + 3 * 1448);
    world_.settle();
    EXPECT_EQ(tp().snd_wnd, 400U << 7U);
    EXPECT_EQ(tp().snd_wnd_max, 60'000U << 7U);
}

TEST_F(Express, a_damaged_ack_in_a_train_is_dropped_and_counted_and_the_others_hold) {
    write(*so_, std::string(4 * 1448, 'd'));
    const std::uint32_t first = tp().snd_una.raw();
    peer_.queue_ack(first + 1448);
    peer_.ack = first + 4 * 1448;
    Bytes damaged = peer_.frame(kAck);
    damaged.back() ^= 1U;  // its timestamp's echo
    world_.inject(damaged);
    peer_.queue_ack(first + 2 * 1448);
    world_.settle();
    EXPECT_EQ(count(TcpCount::drop_checksum), 1U);
    EXPECT_EQ(tp().snd_una.raw(), first + 2 * 1448);
}

TEST_F(Express, a_damaged_ip_header_never_matches_the_flow) {
    write(*so_, std::string(2 * 1448, 'd'));
    const std::uint32_t first = tp().snd_una.raw();
    peer_.queue_ack(first + 1448);
    world_.settle();
    peer_.ack = first + 2 * 1448;
    const Bytes good = peer_.frame(kAck);
    const std::uint64_t before = world_.drops(Drop::ip_checksum);
    for (const std::size_t at : {16U, 17U, 18U, 19U, 24U, 25U}) {
        Bytes damaged = good;
        damaged[at] ^= 0x10U;
        world_.inject(damaged);
        world_.settle();
        EXPECT_EQ(tp().snd_una.raw(), first + 1448) << "byte " << at;
    }
    // A length beyond the frame is found before the sum is.
    EXPECT_EQ(world_.drops(Drop::ip_checksum) + world_.drops(Drop::ip_total_length) - before, 6U);
    world_.inject(good);
    world_.settle();
    EXPECT_EQ(tp().snd_una.raw(), first + 2 * 1448);
}

TEST_F(Express, acks_text_and_strangers_in_one_batch_are_taken_in_their_order) {
    write(*so_, std::string(4 * 1448, 'd'));
    const std::uint32_t first = tp().snd_una.raw();
    peer_.queue_ack(first + 1448);
    world_.inject(udp_frame(1, 9, pattern(10)));  // nobody listens there
    peer_.queue_ack(first + 2 * 1448);
    world_.inject(peer_.frame(kAck, "hello"));
    peer_.seq += 5;
    peer_.queue_ack(first + 4 * 1448);
    world_.settle();
    EXPECT_EQ(tp().snd_una.raw(), first + 4 * 1448);
    EXPECT_EQ(read(*so_), "hello");
}

TEST_F(Express, a_reset_behind_a_train_finds_it_settled) {
    write(*so_, std::string(2 * 1448, 'd'));
    peer_.queue_ack(tp().snd_una.raw() + 1448);
    world_.inject(peer_.frame(kRst));
    world_.settle();
    EXPECT_EQ(so_->pcb, nullptr);
    EXPECT_EQ(count(TcpCount::resets_in), 1U);
}

TEST_F(Express, two_connections_take_turns_in_one_batch) {
    Peer second{world_, 40001, kPort};
    second.window = 60'000;
    Socket& other = established(second);
    write(*so_, std::string(4 * 1448, 'd'));
    write(other, std::string(1000, 'e'));
    const std::uint32_t first = tp().snd_una.raw();
    const std::uint32_t others = other.pcb->snd_una.raw();
    peer_.queue_ack(first + 1448);
    second.queue_ack(others + 500);
    peer_.queue_ack(first + 3 * 1448);
    second.queue_ack(others + 1000);
    world_.settle();
    EXPECT_EQ(tp().snd_una.raw(), first + 3 * 1448);
    EXPECT_EQ(other.pcb->snd_una.raw(), others + 1000);
}

TEST(FlowImage, matches_what_differs_in_length_id_and_checksum_alone) {
    std::mt19937 random{7};
    IpFields ip;
    ip.protocol = 6;
    FlowImage image;
    const auto at = [](const Bytes& frame) { return as_bytes(frame).data(); };
    for (int i = 0; i < 2000; ++i) {
        ip.source = Ipv4{static_cast<std::uint32_t>(random())};
        Bytes frame = ip_frame(ip, pattern(20 + random() % 1400));
        put16(frame, kEther + 4, random() & 0xFFFFU);
        fix_ip(frame, kEther);
        image.remember(at(frame));
        ASSERT_TRUE(image.matches(at(frame)));
        const std::size_t total = 20 + random() % 1400;
        put16(frame, kEther + 2, static_cast<unsigned>(total));
        put16(frame, kEther + 4, random() & 0xFFFFU);
        EXPECT_FALSE(image.matches(at(frame)) && slow_checksum(slice(frame, kEther, kIp)) != 0);
        fix_ip(frame, kEther);
        ASSERT_TRUE(image.matches(at(frame)));
        const std::size_t bit = random() % (FlowImage::kBytes * 8);
        frame[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_FALSE(image.matches(at(frame))) << "bit " << bit;
    }
}

}  // namespace express_test
}  // namespace kyu::net::test
