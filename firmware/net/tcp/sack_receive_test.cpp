// RFC 2018 and 2883, receiving: which blocks an ACK carries, in which order.
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace sack_receive_test {

using namespace test;  // NOLINT(google-build-using-namespace)

using Blocks = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

class SackReceive : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};
    std::uint32_t start_{0};

    void open(bool sack = true, bool stamps = false) {
        peer_.options = sack ? joined(mss_option(1460), sack_permitted_option()) : mss_option(1460);
        peer_.stamp.on = stamps;
        so_ = &established(peer_);
        peer_.options = {};
        start_ = peer_.seq;
    }
    /// Data at `offset`; the blocks of the one ACK, as offsets.
    Blocks say_at(std::uint32_t offset, const std::string& data) {
        peer_.seq = start_ + offset;
        const Answers a = peer_.send(kAck, data);
        EXPECT_EQ(a.size(), 1U);
        if (a.empty()) return {};
        ack_ = a[0].ack - start_;
        Blocks blocks;
        for (std::uint8_t i = 0; i < a[0].options.sack_count; ++i) {
            const SackBlock& b = a[0].options.sack.at(i);
            blocks.emplace_back(b.first.raw() - start_, b.end.raw() - start_);
        }
        return blocks;
    }
    std::uint32_t ack_{0};
};

TEST_F(SackReceive, the_newest_block_is_first_and_the_others_follow_by_their_last_news) {
    open();
    EXPECT_EQ(say_at(10, "aa"), (Blocks{{10, 12}}));
    EXPECT_EQ(say_at(20, "bb"), (Blocks{{20, 22}, {10, 12}}));
    EXPECT_EQ(say_at(30, "cc"), (Blocks{{30, 32}, {20, 22}, {10, 12}}));
    EXPECT_EQ(say_at(12, "a"), (Blocks{{10, 13}, {30, 32}, {20, 22}}));
    EXPECT_EQ(say_at(40, "dd"), (Blocks{{40, 42}, {10, 13}, {30, 32}, {20, 22}}));
    EXPECT_EQ(say_at(50, "ee"), (Blocks{{50, 52}, {40, 42}, {10, 13}, {30, 32}}));
    EXPECT_EQ(ack_, 0U);
}

TEST_F(SackReceive, three_blocks_fit_beside_timestamps) {
    open(true, true);
    say_at(10, "a");
    say_at(20, "b");
    say_at(30, "c");
    EXPECT_EQ(say_at(40, "d"), (Blocks{{40, 41}, {30, 31}, {20, 21}}));
}

TEST_F(SackReceive, a_gap_that_is_filled_takes_its_block_along) {
    open();
    say_at(5, "fghij");
    say_at(15, "z");
    EXPECT_EQ(say_at(0, "abcde"), (Blocks{{15, 16}}));
    EXPECT_EQ(ack_, 10U);
    EXPECT_EQ(read(*so_), "abcdefghij");
}

TEST_F(SackReceive, a_duplicate_is_told_once_and_first) {
    open();
    peer_.say("abcde");
    EXPECT_EQ(say_at(0, "abcde"), (Blocks{{0, 5}})) << "RFC 2883 §4.1";
    EXPECT_EQ(say_at(10, "klm"), (Blocks{{10, 13}}));
    EXPECT_EQ(say_at(3, "de"), (Blocks{{3, 5}, {10, 13}}));
    EXPECT_EQ(say_at(11, "l"), (Blocks{{11, 12}, {10, 13}})) << "§4.2: inside a larger block";
    EXPECT_EQ(say_at(20, "u"), (Blocks{{20, 21}, {10, 13}}));
}

TEST_F(SackReceive, what_fills_a_gap_and_goes_on_tells_what_was_there) {
    open();
    say_at(5, "fgh");
    say_at(10, "k");
    say_at(20, "u");
    EXPECT_EQ(say_at(0, "abcdefghijkl"), (Blocks{{5, 8}, {20, 21}})) << "RFC 2883 §4.2.2";
    EXPECT_EQ(ack_, 12U);
    EXPECT_EQ(read(*so_), "abcdefghijkl");
}

TEST_F(SackReceive, a_partial_duplicate_tells_the_part) {
    open();
    peer_.say("abcde");
    EXPECT_EQ(say_at(3, "defg"), (Blocks{{3, 5}}));
    EXPECT_EQ(ack_, 7U);
    EXPECT_EQ(read(*so_), "abcdefg");
}

TEST_F(SackReceive, data_segments_keep_their_size_and_the_blocks_go_by_themselves) {
    open();
    say_at(10, "k");
    peer_.seq = start_ + 20;
    write(*so_, std::string(1460, 'x'));
    world_.take_sent();
    peer_.ack += 1460;
    write(*so_, std::string(3000, 'x'));  // held: Nagle; the next ACK lets it go
    for (const Seen& s : peer_.send(kAck, "u")) {
        EXPECT_TRUE(s.data.empty() || s.options.sack_count == 0);
        EXPECT_TRUE(!s.data.empty() || s.options.sack_count == 2);
    }
}

TEST_F(SackReceive, who_did_not_agree_gets_none) {
    open(false);
    EXPECT_TRUE(say_at(10, "k").empty());
    EXPECT_TRUE(say_at(20, "u").empty());
}

}  // namespace sack_receive_test
}  // namespace kyu::net
