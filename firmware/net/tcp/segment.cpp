// Parsing of segments and options.
//
// Context   any.
#include "net/tcp/segment.hpp"

#include <algorithm>

#include "net/checksum.hpp"

namespace kyu::net {

namespace {

constexpr std::uint8_t kWindowScaleMax = 14;

std::uint8_t byte_at(std::span<const std::byte> area, std::size_t i) {
    return static_cast<std::uint8_t>(area[i]);
}
std::uint16_t u16_at(std::span<const std::byte> area, std::size_t i) {
    return static_cast<std::uint16_t>((unsigned{byte_at(area, i)} << 8U) | byte_at(area, i + 1));
}
std::uint32_t u32_at(std::span<const std::byte> area, std::size_t i) {
    return reinterpret_cast<const Be32*>(area.data() + i)->host();  // alignment 1
}

void parse_sack(std::span<const std::byte> body, TcpOptions& into) {
    if (body.size() % 8 != 0 || into.sack_count != 0) return;
    for (std::size_t i = 0; i + 8 <= body.size() && into.sack_count < into.sack.size(); i += 8) {
        const SackBlock block{SeqNum{u32_at(body, i)}, SeqNum{u32_at(body, i + 4)}};
        if (!block.end.is_after(block.first)) continue;  // empty or reversed
        into.sack[into.sack_count++] = block;
    }
}

/// One option whose body lies inside the area.
void parse_one(std::uint8_t kind, std::span<const std::byte> body, TcpOptions& into) {
    switch (kind) {
        case kOptionMss:
            if (body.size() == 2 && !into.has_mss) {
                into.has_mss = true;
                into.mss = u16_at(body, 0);
            }
            break;
        case kOptionWindowScale:
            if (body.size() == 1 && !into.has_window_scale) {
                into.has_window_scale = true;
                into.window_scale = std::min(byte_at(body, 0), kWindowScaleMax);
            }
            break;
        case kOptionSackPermitted:
            if (body.empty()) into.sack_permitted = true;
            break;
        case kOptionSack: parse_sack(body, into); break;
        case kOptionTimestamps:
            if (body.size() == 8 && !into.has_timestamps) {
                into.has_timestamps = true;
                into.timestamp_value = u32_at(body, 0);
                into.timestamp_echo = u32_at(body, 4);
            }
            break;
        case kOptionUserTimeout:
            if (body.size() == 2) into.user_timeout = u16_at(body, 0);
            break;
        default: break;  // RFC 9293 §3.1: what is not known is ignored
    }
}

/// RFC 7323 appendix A: what nearly every segment of a connection with timestamps looks like.
bool parse_stamp_alone(std::span<const std::byte> area, TcpOptions& into) {
    if (area.size() != 12 || u32_at(area, 0) != kStampHead) return false;
    into.has_timestamps = true;
    into.timestamp_value = u32_at(area, 4);
    into.timestamp_echo = u32_at(area, 8);
    return true;
}

}  // namespace

TcpOptions parse_tcp_options(std::span<const std::byte> area) {
    TcpOptions options;
    while (!area.empty()) {
        const std::uint8_t kind = byte_at(area, 0);
        if (kind == kOptionEnd) break;
        if (kind == kOptionNop) {
            area = area.subspan(1);
            continue;
        }
        if (area.size() < 2) break;
        const std::size_t length = byte_at(area, 1);
        if (length < 2 || length > area.size()) break;  // no way to find the next one
        parse_one(kind, area.subspan(2, length - 2), options);
        area = area.subspan(length);
    }
    return options;
}

Status<TcpCount> check_tcp_segment(Mbuf& packet, const IpInfo& ip) {
    const std::uint32_t size = packet.size();
    if (size < kTcpHeaderBytes || size > UINT16_MAX) return TcpCount::drop_short;
    constexpr auto kProtocol = static_cast<std::uint8_t>(IpProtocol::tcp);
    if (transport_checksum(ip.source, ip.destination, kProtocol, packet) != 0) {
        return TcpCount::drop_checksum;
    }
    if (!packet.pull_up(kTcpHeaderBytes)) return TcpCount::drop_no_memory;
    return ok;
}

FourTuple tuple_of(const Mbuf& packet, const IpInfo& ip) {
    const auto& header = *reinterpret_cast<const TcpHeader*>(packet.front().data());
    return {{ip.destination, header.destination.host()}, {ip.source, header.source.host()}};
}

Result<TcpSegment, TcpCount> TcpSegment::parse(Mbuf& packet, const FourTuple& tuple) {
    const std::uint32_t size = packet.size();
    const auto offset_byte = static_cast<std::uint8_t>(packet.front()[offsetof(TcpHeader, offset)]);
    const std::size_t header_bytes = std::size_t{4} * (offset_byte >> 4U);
    if (header_bytes < kTcpHeaderBytes || header_bytes > size) return TcpCount::drop_offset;
    if (!packet.pull_up(header_bytes)) return TcpCount::drop_no_memory;

    const auto bytes = packet.front().first(header_bytes);
    // All fields are byte arrays of alignment 1, so the header may lie anywhere.
    const auto& header = *reinterpret_cast<const TcpHeader*>(bytes.data());
    TcpSegment segment;
    segment.tuple = tuple;
    segment.seq = SeqNum{header.seq.host()};
    segment.ack = SeqNum{header.ack.host()};
    segment.flags = TcpFlags{header.flags};
    segment.window = header.window.host();
    segment.data_bytes = static_cast<std::uint16_t>(size - header_bytes);
    if (header_bytes > kTcpHeaderBytes) {
        const auto area = bytes.subspan(kTcpHeaderBytes);
        if (!parse_stamp_alone(area, segment.options)) segment.options = parse_tcp_options(area);
    }
    packet.trim_front(header_bytes);
    return segment;
}

}  // namespace kyu::net
