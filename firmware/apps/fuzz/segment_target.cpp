// segment: TCP segments and their options.
//
// Rules     what is read does not depend on how the packet lies in memory: whole and in two pieces
//           give the same; an option area alone gives what it gives inside a segment.
#include "apps/fuzz/input.hpp"
#include "apps/fuzz/target.hpp"
#include "net/frame_bytes_test_support.hpp"
#include "net/tcp/segment.hpp"

namespace kyu::fuzz {
namespace {

using net::Mbuf;
using net::TcpOptions;
using net::TcpSegment;
using Memory = net::MbufMemory<8, 4>;

bool same(const TcpOptions& a, const TcpOptions& b) {
    for (std::size_t i = 0; i < a.sack_count && i < b.sack_count; ++i) {
        if (a.sack[i].first != b.sack[i].first || a.sack[i].end != b.sack[i].end) return false;
    }
    return a.has_mss == b.has_mss && a.mss == b.mss && a.has_window_scale == b.has_window_scale &&
           a.window_scale == b.window_scale && a.sack_permitted == b.sack_permitted &&
           a.has_timestamps == b.has_timestamps && a.timestamp_value == b.timestamp_value &&
           a.timestamp_echo == b.timestamp_echo && a.user_timeout == b.user_timeout &&
           a.sack_count == b.sack_count;
}

void expect_sane(const TcpOptions& options) {
    CHECK(options.window_scale <= 14);
    CHECK(options.sack_count <= options.sack.size());
    for (std::size_t i = 0; i < options.sack_count; ++i) {
        CHECK(options.sack[i].end.is_after(options.sack[i].first));
    }
}

Mbuf piece_of(net::MbufPool& pool, std::span<const std::byte> bytes) {
    if (bytes.empty()) return {};
    Mbuf piece = pool.allocate_cluster(net::Reserve::use);
    piece.trim_back(piece.size() - bytes.size());
    std::copy(bytes.begin(), bytes.end(), piece.writable_front().begin());
    return piece;
}

Mbuf packet_of(net::MbufPool& pool, std::span<const std::byte> bytes, std::size_t cut) {
    Mbuf packet = piece_of(pool, bytes.first(std::min(cut, bytes.size())));
    packet.append(piece_of(pool, bytes.subspan(std::min(cut, bytes.size()))));
    return packet;
}

/// The checksum that makes it right, so that what lies behind it is reached.
void put_checksum_right(net::test::Bytes& bytes, const net::IpInfo& ip) {
    if (bytes.size() < net::kTcpHeaderBytes) return;
    constexpr std::size_t kAt = offsetof(net::TcpHeader, checksum);
    net::test::put16(bytes, kAt, 0);
    const auto pseudo = net::test::pseudo_header(ip.source, ip.destination, 6, bytes.size());
    net::test::put16(bytes, kAt, net::test::slow_checksum(net::test::joined(pseudo, bytes)));
}

}  // namespace

void segment(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    const std::size_t cut = in.u8();
    const auto rest = in.take(1400);
    const Exact area{rest.first(std::min<std::size_t>(rest.size(), 40))};
    expect_sane(net::parse_tcp_options(area.bytes()));

    const auto memory = std::make_unique<Memory>();
    net::MbufPool pool{*memory};
    net::IpInfo ip{};
    ip.source = net::Ipv4{192, 168, 0, 1};
    ip.destination = net::Ipv4{192, 168, 0, 73};
    net::test::Bytes copy{rest.begin(), rest.end()};
    put_checksum_right(copy, ip);
    Mbuf whole = packet_of(pool, net::test::as_bytes(copy), copy.size());
    Mbuf split = packet_of(pool, net::test::as_bytes(copy), cut);
    const auto checked = net::check_tcp_segment(whole, ip);
    CHECK(checked.has_value() == (copy.size() >= net::kTcpHeaderBytes));
    CHECK(net::check_tcp_segment(split, ip).has_value() == checked.has_value());
    if (!checked) return;
    const auto tuple = net::tuple_of(whole, ip);
    CHECK(tuple == net::tuple_of(split, ip));
    const auto one = TcpSegment::parse(whole, tuple);
    const auto two = TcpSegment::parse(split, tuple);
    CHECK(one.has_value() == two.has_value());
    if (!one) return;
    expect_sane(one->options);
    CHECK(same(one->options, two->options));
    CHECK(one->data_bytes == whole.size() && two->data_bytes == split.size());
    CHECK(net::test::flatten(whole) == net::test::flatten(split));
}

}  // namespace kyu::fuzz
