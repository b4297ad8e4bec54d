// SockBuf: bytes in, bytes out, and the books right at every step.
#include "net/socket/sockbuf.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

namespace kyu::net {
namespace sockbuf_test {

class SockBufs : public ::testing::Test {
protected:
    std::unique_ptr<MbufMemory<1024, 256>> memory_ = std::make_unique<MbufMemory<1024, 256>>();
    MbufPool pool_{*memory_};
    SockBuf buffer_{65535, 4 * 65536};

    std::size_t write(const std::string& s, std::uint32_t piece = 1460) {
        const std::size_t n = buffer_.append_copy(pool_, std::as_bytes(std::span{s}), piece);
        EXPECT_TRUE(buffer_.consistent());
        return n;
    }
    std::string read(std::size_t most) {
        std::string s(most, '?');
        s.resize(buffer_.take(std::as_writable_bytes(std::span{s})));
        EXPECT_TRUE(buffer_.consistent());
        return s;
    }
    void TearDown() override {
        buffer_.clear();
        EXPECT_EQ(pool_.segment_stats().used, 0U);
        EXPECT_EQ(pool_.cluster_stats().used, 0U);
    }
};

TEST_F(SockBufs, gives_back_what_was_put_in) {
    std::mt19937 random{7};
    std::string in;
    std::string out;
    while (out.size() < 1'000'000) {
        std::string chunk(1 + random() % 5000, ' ');
        for (char& c : chunk) c = static_cast<char>(random());
        chunk.resize(write(chunk));
        in += chunk;
        out += read(random() % 6000);
    }
    EXPECT_EQ(out, in.substr(0, out.size()));
}

TEST_F(SockBufs, stops_at_its_limit) {
    EXPECT_EQ(write(std::string(100'000, 'x')), 65535U);
    EXPECT_EQ(buffer_.space(), 0U);
    EXPECT_EQ(write("y"), 0U);
    EXPECT_EQ(read(1), "x");
    EXPECT_EQ(buffer_.space(), 1U);
}

TEST_F(SockBufs, small_writes_share_a_cluster) {
    for (int i = 0; i < 60; ++i) EXPECT_EQ(write(std::string(1000, 'x')), 1000U);
    EXPECT_LE(buffer_.memory(), 42 * (kClusterBytes + kSegmentBytes));
}

TEST_F(SockBufs, a_full_segment_of_a_bulk_write_is_one_piece) {
    EXPECT_EQ(write(std::string(2000, 'x')), 2000U);
    EXPECT_EQ(write(std::string(8000, 'x')), 8000U);
    for (std::uint32_t offset = 0; offset + 1460 <= 10'000; offset += 1460) {
        EXPECT_EQ(buffer_.share(offset, 1460).segments(), 1U) << offset;
    }
}

TEST_F(SockBufs, shares_survive_the_drop_of_what_they_share) {
    write("hello, ");
    write(std::string(3000, 'z'));
    const Mbuf shared = buffer_.share(0, 2000);
    buffer_.drop(3007);
    write("other words");
    std::string s(7, '?');
    shared.copy_out(0, std::as_writable_bytes(std::span{s}));
    EXPECT_EQ(s, "hello, ");
}

TEST_F(SockBufs, static_data_cost_a_segment_and_no_copy) {
    static const std::string kText(50'000, 'k');
    EXPECT_EQ(buffer_.append_static(pool_, std::as_bytes(std::span{kText})), 50'000U);
    EXPECT_EQ(pool_.cluster_stats().used, 0U);
    EXPECT_EQ(buffer_.memory(), kSegmentBytes);
    EXPECT_EQ(read(50'000), kText);
}

TEST_F(SockBufs, tiny_received_packets_are_charged_and_compacted) {
    std::string expected;
    for (int i = 0; i < 110; ++i) {
        Mbuf packet = pool_.allocate_cluster();
        ASSERT_TRUE(packet);
        packet.writable_front()[0] = static_cast<std::byte>('a' + i % 26);
        packet.trim_back(kClusterBytes - 1);
        buffer_.append(std::move(packet));
        expected += static_cast<char>('a' + i % 26);
    }
    EXPECT_GT(buffer_.memory(), 110U * kClusterBytes);
    EXPECT_TRUE(buffer_.compact(pool_));
    EXPECT_TRUE(buffer_.consistent());
    EXPECT_LT(buffer_.memory(), 2 * kClusterBytes);
    EXPECT_EQ(read(1000), expected);
}

TEST_F(SockBufs, an_empty_pool_means_less_was_taken) {
    std::vector<Mbuf> hogs;
    while (Mbuf m = pool_.allocate_cluster()) hogs.push_back(std::move(m));
    EXPECT_EQ(write(std::string(9000, 'x')), 0U);
    hogs.resize(hogs.size() / 2);
    EXPECT_EQ(write(std::string(9000, 'x')), 9000U);
}

}  // namespace sockbuf_test
}  // namespace kyu::net
