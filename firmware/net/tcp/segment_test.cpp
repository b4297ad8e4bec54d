// Segments and options as an enemy would write them (packet cases 25 to 30).
#include "net/tcp/segment.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "net/checksum.hpp"

namespace kyu::net {
namespace segment_test {

using Bytes = std::vector<std::uint8_t>;

const IpInfo kIp = [] {
    IpInfo ip;
    ip.source = Ipv4{192, 168, 0, 1};
    ip.destination = Ipv4{192, 168, 0, 73};
    ip.protocol = IpProtocol::tcp;
    return ip;
}();

std::span<const std::byte> as_span(const Bytes& b) { return std::as_bytes(std::span{b}); }

/// A segment with a right checksum, whatever else is wrong with it.
Bytes checksummed(Bytes b) {
    if (b.size() >= 18) {
        b[16] = b[17] = 0;
        Checksum sum;
        sum.add_pseudo_header(kIp.source, kIp.destination, 6, static_cast<std::uint16_t>(b.size()));
        sum.add(as_span(b));
        const std::uint16_t c = sum.finish();
        b[16] = static_cast<std::uint8_t>(c >> 8U);
        b[17] = static_cast<std::uint8_t>(c);
    }
    return b;
}

Bytes header(unsigned words, std::uint8_t flags) {
    return {0x13,  0x88, 0x00, 0x72, 0, 0, 0, 1, 0, 0, 0, 2, static_cast<std::uint8_t>(words << 4U),
            flags, 0x10, 0x00, 0,    0, 0, 0};
}

class Segments : public ::testing::Test {
protected:
    std::unique_ptr<MbufMemory<64, 64>> memory_ = std::make_unique<MbufMemory<64, 64>>();
    MbufPool pool_{*memory_};

    Result<TcpSegment, TcpCount> parse(const Bytes& b, Mbuf& m) {
        m = pool_.copy_in(as_span(b));
        return checked_and_parsed(m);
    }
    static Result<TcpSegment, TcpCount> checked_and_parsed(Mbuf& m) {
        if (const auto checked = check_tcp_segment(m, kIp); !checked) return checked.error();
        return TcpSegment::parse(m, tuple_of(m, kIp));
    }
    TcpCount refusal(const Bytes& b) {
        Mbuf m;
        const auto r = parse(b, m);
        return r ? TcpCount::segments_in : r.error();
    }
    void TearDown() override {
        EXPECT_EQ(pool_.segment_stats().used, 0U);
        EXPECT_EQ(pool_.cluster_stats().used, 0U);
    }
};

TEST_F(Segments, gives_every_field_in_host_order_and_leaves_the_payload) {
    Bytes b = header(6, TcpFlags::kSyn | TcpFlags::kAck);
    b.insert(b.end(), {2, 4, 0x05, 0xB4, 'h', 'e', 'y'});
    Mbuf m;
    const auto r = parse(checksummed(b), m);
    ASSERT_TRUE(r);
    EXPECT_EQ(r->tuple.local, (Endpoint{kIp.destination, 114}));
    EXPECT_EQ(r->tuple.remote, (Endpoint{kIp.source, 5000}));
    EXPECT_EQ(r->seq, SeqNum{1});
    EXPECT_EQ(r->ack, SeqNum{2});
    EXPECT_EQ(r->window, 0x1000);
    EXPECT_TRUE(r->options.has_mss);
    EXPECT_EQ(r->options.mss, 1460);
    EXPECT_EQ(r->data_bytes, 3);
    EXPECT_EQ(r->length(), SeqLen{4}) << "SYN counts";
    EXPECT_EQ(m.size(), 3U);
}

TEST_F(Segments, refuses_everything_shorter_than_a_header) {
    for (std::size_t n = 0; n < 20; ++n) {
        Bytes b = header(5, TcpFlags::kAck);
        b.resize(n);
        EXPECT_EQ(refusal(b), TcpCount::drop_short) << n;
    }
}

TEST_F(Segments, refuses_a_data_offset_inside_the_header_or_past_the_end) {
    for (unsigned words = 0; words < 16; ++words) {
        const TcpCount got = refusal(checksummed(header(words, TcpFlags::kAck)));
        EXPECT_EQ(got, words == 5 ? TcpCount::segments_in : TcpCount::drop_offset) << words;
    }
}

TEST_F(Segments, refuses_every_single_bit_that_is_wrong) {
    const Bytes good = checksummed(header(5, TcpFlags::kAck));
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Bytes bad = good;
        bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1U << (bit % 8)));
        EXPECT_NE(refusal(bad), TcpCount::segments_in) << bit;
    }
}

TEST_F(Segments, does_not_care_where_a_packet_is_split) {
    Bytes b = header(6, TcpFlags::kSyn);
    b.insert(b.end(), {2, 4, 0x05, 0xB4, 1, 2, 3, 4, 5});
    b = checksummed(b);
    for (std::size_t cut = 1; cut < b.size(); ++cut) {
        Mbuf m = pool_.copy_in(as_span(b).first(cut));
        m.append(pool_.copy_in(as_span(b).subspan(cut)));
        const auto r = checked_and_parsed(m);
        ASSERT_TRUE(r) << cut;
        EXPECT_EQ(r->options.mss, 1460) << cut;
        EXPECT_EQ(m.size(), 5U) << cut;
    }
}

TcpOptions options(const Bytes& b) { return parse_tcp_options(as_span(b)); }

TEST(TcpOptions, parser_ends_on_every_area_of_three_bytes) {
    for (unsigned v = 0; v < 1U << 24U; v += 7) {  // every seventh is plenty, and quick
        const Bytes b{static_cast<std::uint8_t>(v), static_cast<std::uint8_t>(v >> 8U),
                      static_cast<std::uint8_t>(v >> 16U)};
        EXPECT_EQ(options(b).sack_count, 0);
    }
}

TEST(TcpOptions, lengths_zero_one_and_past_the_end_stop_the_parse) {
    for (const std::uint8_t length : std::initializer_list<std::uint8_t>{0, 1, 5, 255}) {
        const TcpOptions o = options({2, length, 0x05, 0xB4});
        EXPECT_FALSE(o.has_mss) << int{length};
    }
    EXPECT_FALSE(options({2}).has_mss);
    EXPECT_FALSE(options(Bytes(40, 1)).has_mss) << "forty NOPs";
}

TEST(TcpOptions, wrong_lengths_are_skipped_and_the_rest_is_read) {
    const TcpOptions o = options({2, 3, 9, 2, 5, 1, 1, 1, 2, 4, 0x02, 0x18});
    EXPECT_TRUE(o.has_mss);
    EXPECT_EQ(o.mss, 536);
    EXPECT_FALSE(options({3, 4, 7, 7}).has_window_scale);
    EXPECT_FALSE(options({8, 9, 1, 2, 3, 4, 5, 6, 7}).has_timestamps);
}

TEST(TcpOptions, window_scale_is_bounded_and_the_first_of_two_counts) {
    EXPECT_EQ(options({3, 3, 255}).window_scale, 14);
    EXPECT_EQ(options({3, 3, 15}).window_scale, 14);
    EXPECT_EQ(options({3, 3, 2, 3, 3, 9}).window_scale, 2);
    EXPECT_EQ(options({2, 4, 1, 0, 2, 4, 2, 0}).mss, 256);
}

TEST(TcpOptions, sack_blocks_that_make_no_sense_are_left_out) {
    const TcpOptions o = options({5,    26,   0,    0,    0, 9, 0, 0, 0, 9,  // empty
                                  0,    0,    0,    9,    0, 0, 0, 3,        // reversed
                                  0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 3});      // across the wrap
    ASSERT_EQ(o.sack_count, 1);
    EXPECT_EQ(o.sack[0].end, SeqNum{3});
    EXPECT_EQ(options({5, 9, 1, 2, 3, 4, 5, 6, 7}).sack_count, 0);
    Bytes four{5, 34};
    for (std::uint8_t i = 0; i < 4; ++i) {
        four.insert(four.end(), {0, 0, i, 0, 0, 0, i, 1});
    }
    EXPECT_EQ(options(four).sack_count, 4);
}

TEST(TcpOptions, timestamps_are_read) {
    const TcpOptions o = options({1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2});
    EXPECT_TRUE(o.has_timestamps);
    EXPECT_EQ(o.timestamp_value, 1U);
    EXPECT_EQ(o.timestamp_echo, 2U);
}

}  // namespace segment_test
}  // namespace kyu::net
