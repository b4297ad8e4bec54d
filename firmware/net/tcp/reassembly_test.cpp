// The out-of-order queue: overlaps, limits, and a stream put together again.
#include "net/tcp/reassembly.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

namespace kyu::net {
namespace reassembly_test {

class Reassembly : public ::testing::Test {
protected:
    std::unique_ptr<MbufMemory<2048, 512>> memory_ = std::make_unique<MbufMemory<2048, 512>>();
    MbufPool mbufs_{*memory_};
    std::unique_ptr<ReassemblyPool> pool_ = std::make_unique<ReassemblyPool>();
    ReassemblyQueue queue_;

    Mbuf text(const std::string& s) { return mbufs_.copy_in(std::as_bytes(std::span{s})); }
    bool put(std::uint32_t first, const std::string& s) {
        const bool fits = queue_.insert(*pool_, SeqNum{first}, text(s));
        EXPECT_TRUE(queue_.consistent());
        return fits;
    }
    std::string take(std::uint32_t next) {
        const Mbuf m = queue_.take_from(*pool_, SeqNum{next});
        EXPECT_TRUE(queue_.consistent());
        std::string s(m.size(), '?');
        m.copy_out(0, std::as_writable_bytes(std::span{s}));
        return s;
    }
    void TearDown() override {
        queue_.clear(*pool_);
        EXPECT_EQ(pool_->stats().used, 0U);
        EXPECT_EQ(mbufs_.segment_stats().used, 0U);
        EXPECT_EQ(mbufs_.cluster_stats().used, 0U);
    }
};

TEST_F(Reassembly, gives_nothing_before_the_gap_is_filled) {
    EXPECT_TRUE(put(105, "fghij"));
    EXPECT_EQ(take(100), "");
    EXPECT_TRUE(put(100, "abcde"));
    EXPECT_EQ(queue_.count(), 1U) << "neighbours are joined";
    EXPECT_EQ(take(100), "abcdefghij");
    EXPECT_TRUE(queue_.empty());
}

TEST_F(Reassembly, bytes_that_came_first_are_kept) {
    put(105, "FGH");
    put(110, "KLM");
    put(103, "defghijklmno");
    EXPECT_EQ(queue_.count(), 1U);
    EXPECT_EQ(take(103), "deFGHijKLMno");
}

TEST_F(Reassembly, every_overlap_of_two_ranges_keeps_the_first_and_fills_the_rest) {
    const std::string stream = "abcdefghijklmnop";
    for (std::size_t a = 0; a < 8; ++a) {
        for (std::size_t an = 1; an <= 8; ++an) {
            for (std::size_t b = 0; b < 8; ++b) {
                for (std::size_t bn = 1; bn <= 8; ++bn) {
                    std::string expected = stream;
                    for (std::size_t i = a; i < a + an; ++i) expected[i] = 'X';
                    put(static_cast<std::uint32_t>(0xFFFF'FFF8U + a), std::string(an, 'X'));
                    put(static_cast<std::uint32_t>(0xFFFF'FFF8U + b), stream.substr(b, bn));
                    put(0xFFFF'FFF8U, stream);
                    EXPECT_EQ(take(0xFFFF'FFF8U), expected);
                }
            }
        }
    }
}

TEST_F(Reassembly, what_came_another_way_in_the_meantime_is_forgotten) {
    put(105, "fghij");
    EXPECT_EQ(take(108), "ij");
    put(120, "zz");
    EXPECT_EQ(take(130), "");
    EXPECT_TRUE(queue_.empty());
}

TEST_F(Reassembly, holes_are_limited) {
    std::size_t kept = 0;
    for (std::uint32_t i = 0; i < 32768; ++i) {
        if (put(1 + 2 * i, "x")) ++kept;
        if (kept < i) break;
    }
    EXPECT_EQ(kept, kReassemblyPerConnection);
    EXPECT_LE(queue_.memory(), kReassemblyPerConnection * kSegmentBytes)
        << "small pieces do not pin clusters";
    EXPECT_TRUE(put(0, "y")) << "the one that fills the first hole is joined";
}

TEST_F(Reassembly, memory_is_limited) {
    std::uint32_t at = 10'000;
    while (put(at, std::string(1460, 'x'))) at += 1460;
    EXPECT_LE(queue_.memory(), kReassemblyMemory);
    EXPECT_GT(queue_.memory(), kReassemblyMemory / 2);
}

TEST_F(Reassembly, nothing_lies_beyond_a_fin) {
    queue_.note_fin(SeqNum{105});
    queue_.note_fin(SeqNum{200});
    EXPECT_TRUE(put(103, "defgh"));
    EXPECT_TRUE(put(105, "evil"));
    EXPECT_TRUE(put(110, "evil"));
    EXPECT_EQ(take(103), "de");
    EXPECT_TRUE(queue_.fin_is_at(SeqNum{105}));
    EXPECT_FALSE(queue_.fin_is_at(SeqNum{200}));
}

TEST_F(Reassembly, losing_an_allocation_loses_data_and_nothing_else) {
    for (std::uint32_t n = 1; n < 12; ++n) {
        put(105, "FGH");
        put(112, "MN");
        Mbuf data = text("abcdefghijklmnopq");
        mbufs_.fail_nth(n);
        (void)queue_.insert(*pool_, SeqNum{100}, std::move(data));
        mbufs_.fail_nth(0);
        EXPECT_TRUE(queue_.consistent()) << n;
        put(100, "abcdefghijklmnopq");
        EXPECT_EQ(take(100), "abcdeFGHijklMNopq") << n;
    }
}

TEST_F(Reassembly, random_pieces_in_random_order_give_the_stream) {
    std::mt19937 random{42};
    for (int round = 0; round < 50; ++round) {
        std::string stream(4000, ' ');
        for (char& c : stream) c = static_cast<char>('a' + random() % 26);
        const std::uint32_t base = static_cast<std::uint32_t>(random());
        std::string got;
        while (got.size() < stream.size()) {
            const std::size_t first = random() % stream.size();
            const std::size_t size = 1 + random() % 300;
            if (first + size <= got.size()) continue;
            (void)put(base + static_cast<std::uint32_t>(first), stream.substr(first, size));
            got += take(base + static_cast<std::uint32_t>(got.size()));
        }
        EXPECT_EQ(got, stream) << round;
        queue_.clear(*pool_);
    }
}

}  // namespace reassembly_test
}  // namespace kyu::net
