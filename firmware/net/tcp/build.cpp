// The one builder of segments.
//
// Lock      the network lock.
#include "net/tcp/build.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "net/checksum.hpp"
#include "net/ether.hpp"
#include "net/ip.hpp"
#include "net/net.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

namespace {

constexpr std::size_t kSackHeadBytes = 4;  // NOP NOP kind length
constexpr std::size_t kSackBlockBytes = 8;

/// Writes options in words of four bytes, which is how they are laid out here.
class OptionWriter {
    std::byte* at_;

public:
    explicit OptionWriter(std::byte* at) : at_(at) {}
    void word(std::uint32_t value) {
        const Be32 wire{value};
        std::memcpy(at_, &wire, sizeof wire);
        at_ += sizeof wire;
    }
    void word(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
        word((std::uint32_t{a} << 24U) | (std::uint32_t{b} << 16U) | (std::uint32_t{c} << 8U) | d);
    }
};

std::size_t sack_blocks_that_fit(const Outgoing& out, std::size_t used) {
    if (out.sack.empty() || used + kSackHeadBytes > kTcpHeaderBytesMax) return 0;
    return std::min(out.sack.size(),
                    (kTcpHeaderBytesMax - used - kSackHeadBytes) / kSackBlockBytes);
}

void write_syn_options(OptionWriter& writer, const Outgoing& out) {
    if (out.mss_option != 0) {
        writer.word((std::uint32_t{kOptionMss} << 24U) | (4U << 16U) | out.mss_option);
    }
    if (out.sack_permitted) writer.word(kOptionNop, kOptionNop, kOptionSackPermitted, 2);
    if (out.scale_option) writer.word(kOptionNop, kOptionWindowScale, 3, out.scale);
}

void write_sack(OptionWriter& writer, const Outgoing& out, std::size_t blocks) {
    if (blocks == 0) return;
    writer.word(kOptionNop, kOptionNop, kOptionSack,
                static_cast<std::uint8_t>(2 + blocks * kSackBlockBytes));
    for (const SackBlock& block : out.sack.first(blocks)) {
        writer.word(block.first.raw());
        writer.word(block.end.raw());
    }
}

/// Header and options, as long as `bytes`; the checksum is 0.
TcpHeader& write_header(std::span<std::byte> bytes, const Outgoing& out, std::size_t blocks) {
    auto& header = *reinterpret_cast<TcpHeader*>(bytes.data());  // alignment 1
    header.source = Be16{out.tuple.local.port};
    header.destination = Be16{out.tuple.remote.port};
    header.seq = Be32{out.seq.raw()};
    header.ack = Be32{out.ack.raw()};
    header.offset = static_cast<std::uint8_t>((bytes.size() / 4) << 4U);
    header.flags = out.flags;
    header.window = Be16{out.window};
    header.checksum = Be16{0};
    header.urgent = Be16{0};
    OptionWriter writer{bytes.data() + kTcpHeaderBytes};
    write_syn_options(writer, out);
    if (out.timestamps) {
        writer.word(kOptionNop, kOptionNop, kOptionTimestamps, 10);
        writer.word(out.ts_value);
        writer.word(out.ts_echo);
    }
    write_sack(writer, out, blocks);
    return header;
}

IpSend ip_send_of(const Outgoing& out) {
    IpSend send;
    send.source = out.tuple.local.address;
    send.destination = out.tuple.remote.address;
    send.protocol = IpProtocol::tcp;
    send.tos = out.tos;
    return send;
}

/// All of a segment, header included.
void add_segment(Checksum& sum, const LockedNet& net, const Mbuf& segment) {
    if constexpr (kMissionBugs) {
        if (net.bug.is(MissionBug::odd_checksum)) return planted::add_padded(sum, segment);
    }
    sum.add(segment);
}

}  // namespace

void Outgoing::stamp(LockedNet& net, const Negotiated& agreed) {
    timestamps = agreed.timestamps;
    if (!timestamps) return;
    ts_value = net.tcp.clock.at(net.now()) + agreed.ts_offset;
    ts_echo = agreed.ts_recent;
}

void Outgoing::offer(LockedNet& net, const Negotiated& agreed) {
    mss_option = mss_towards(net, tuple.remote.address);
    scale_option = agreed.scaling;
    scale = agreed.rcv_scale;
    sack_permitted = agreed.sack;
    stamp(net, agreed);
}

bool SegmentRun::begin(LockedNet& net, const Outgoing& out, std::uint32_t data_bytes) {
    const std::size_t tcp_bytes = kTcpHeaderBytes + (out.timestamps ? kTimestampBytes : 0U);
    const std::span bytes = std::span{image_.bytes}.first(kRoadHeaderBytes + tcp_bytes);
    if (!usual_headers(net, ip_send_of(out), tcp_bytes + data_bytes, bytes)) return false;
    write_header(bytes.subspan(kRoadHeaderBytes), out, 0);
    image_.size = static_cast<std::uint32_t>(bytes.size());
    data_bytes_ = data_bytes;
    return true;
}

bool SegmentRun::send(LockedNet& net, SeqNum seq, Mbuf&& payload) {
    constexpr std::size_t kSeqAt = kRoadHeaderBytes + offsetof(TcpHeader, seq);
    const Be32 wire{seq.raw()};
    std::memcpy(image_.bytes.data() + kSeqAt, &wire, sizeof wire);
    Mbuf frame = net.pool.copy_headers(image_);
    if (!frame || !payload) return false;
    frame.append(std::move(payload));
    if (!give_to_link(net, std::move(frame))) return false;
    ++sent_;
    return true;
}

void SegmentRun::end(LockedNet& net) const {
    net.stats.ip_out += sent_;
    net.tcp.stats.count(TcpCount::segments_out, sent_);
    net.tcp.stats.count(TcpCount::bytes_out, std::uint64_t{sent_} * data_bytes_);
}

bool build_and_send(LockedNet& net, Outgoing out) {
    std::size_t header_bytes = kTcpHeaderBytes + (out.timestamps ? kTimestampBytes : 0U);
    std::size_t blocks = 0;
    const bool rare = (out.flags & TcpFlags::kSyn) != 0 || !out.sack.empty();
    if (rare) {
        header_bytes += (out.mss_option != 0 ? 4U : 0U) + (out.scale_option ? 4U : 0U) +
                        (out.sack_permitted ? 4U : 0U);
        blocks = sack_blocks_that_fit(out, header_bytes);
        if (blocks > 0) header_bytes += kSackHeadBytes + blocks * kSackBlockBytes;
    }
    const std::uint32_t data_bytes = out.payload.size();
    Mbuf segment = net.pool.allocate(header_bytes, Reserve::use);
    if (!segment) {
        net.tcp.stats.count(TcpCount::send_failures);
        return false;
    }
    const auto bytes = segment.writable_front();
    TcpHeader& header = write_header(bytes, out, blocks);
    if (data_bytes > 0) segment.append(std::move(out.payload));
    if (transport_checksum_needed(net, out.tuple.remote.address)) {
        Checksum sum;
        sum.add_pseudo_header(out.tuple.local.address, out.tuple.remote.address,
                              static_cast<std::uint8_t>(IpProtocol::tcp),
                              static_cast<std::uint16_t>(segment.size()));
        add_segment(sum, net, segment);
        header.checksum = Be16{sum.finish()};
    }
    if (!ip_output(net, ip_send_of(out), std::move(segment))) {
        net.tcp.stats.count(TcpCount::send_failures);
        return false;
    }
    net.tcp.stats.count(TcpCount::segments_out);
    net.tcp.stats.count(TcpCount::bytes_out, data_bytes);
    if ((out.flags & TcpFlags::kRst) != 0) net.tcp.stats.count(TcpCount::resets_out);
    return true;
}

}  // namespace kyu::net
