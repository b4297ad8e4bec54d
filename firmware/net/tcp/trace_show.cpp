// tcptrace: the segments of the frame ring, for people.
//
// Lock      the network lock.
// Rules     what lies in the ring came from outside and was never checked: every length is looked
//           at before it is believed.
#include <algorithm>

#include "net/net.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/show.hpp"
#include "net/wire/ethernet.hpp"
#include "net/wire/ipv4.hpp"

namespace kyu::net {

namespace {

/// Frames of all connections: what fits a page of the shell.
constexpr std::uint32_t kShownMax = 128;

struct Seen {
    FourTuple tuple;  ///< local = this host
    const TcpHeader* header{nullptr};
    std::uint32_t data_bytes{0};
};

/// The segment in a frame, as far as it was kept; no header when it is none.
Seen find_segment(std::span<const std::byte> frame, FrameWay way) {
    if (frame.size() < sizeof(EthernetHeader) + sizeof(Ipv4Header)) return {};
    const auto* ether = reinterpret_cast<const EthernetHeader*>(frame.data());
    const auto* ip = reinterpret_cast<const Ipv4Header*>(ether + 1);
    const std::size_t ip_bytes = (ip->version_ihl & 0xFU) * std::size_t{4};
    const bool is_tcp = ether->type.host() == static_cast<std::uint16_t>(EtherType::ipv4) &&
                        ip->protocol == static_cast<std::uint8_t>(IpProtocol::tcp) &&
                        ip_bytes >= sizeof(Ipv4Header);
    const std::size_t at = sizeof(EthernetHeader) + ip_bytes;
    if (!is_tcp || frame.size() < at + sizeof(TcpHeader)) return {};
    Seen seen;
    seen.header = reinterpret_cast<const TcpHeader*>(frame.data() + at);
    const Endpoint from{Ipv4{ip->source}, seen.header->source.host()};
    const Endpoint to{Ipv4{ip->destination}, seen.header->destination.host()};
    seen.tuple = way == FrameWay::in ? FourTuple{to, from} : FourTuple{from, to};
    const std::size_t headers = ip_bytes + (seen.header->offset >> 4U) * std::size_t{4};
    const std::size_t total = ip->total_length.host();
    seen.data_bytes = total > headers ? static_cast<std::uint32_t>(total - headers) : 0;
    return seen;
}

void print_flags(TextSink& sink, std::uint8_t flags) {
    constexpr std::string_view kLetters{"FSRPAUEC"};
    for (unsigned bit = 0; bit < kLetters.size(); ++bit) {
        if ((flags >> bit & 1U) != 0) sink.put(kLetters.substr(bit, 1));
    }
}

void print_segment(TextSink& sink, const FrameRing::Slot& slot, const Seen& seen, bool with_tuple) {
    const std::uint64_t s = slot.at_us() / 1'000'000;
    print(sink, "{:>6}.{:06} {:<3} ", s, slot.at_us() % 1'000'000,
          slot.way() == FrameWay::in ? "in" : "out");
    if (with_tuple) {
        print_to(sink, seen.tuple.remote);
        print(sink, " :{} ", seen.tuple.local.port);
    }
    print_flags(sink, seen.header->flags);
    print(sink, " seq {} ack {} win {} len {}", seen.header->seq.host(), seen.header->ack.host(),
          seen.header->window.host(), seen.data_bytes);
    if (slot.state() != FrameRing::kNoState) {
        print(sink, " {}", to_text(static_cast<ConnectionState>(slot.state())));
        constexpr std::array kNames{" rexmt", " persist", " delack"};
        static_assert(static_cast<unsigned>(TcpTimer::delayed_ack) == 2);
        for (std::size_t i = 0; i < kNames.size(); ++i) {
            if ((slot.timers() >> i & 1U) != 0) sink.put(kNames[i]);
        }
    }
    sink.put("\n");
}

}  // namespace

void print_tcptrace(TextSink& sink, LockedNet& net, const FourTuple* only) {
    const FrameRing& ring = net.frames;
    unsigned shown = 0;
    const std::uint32_t first = ring.size() > kShownMax ? ring.size() - kShownMax : 0;
    for (std::uint32_t i = only == nullptr ? first : 0; i < ring.size(); ++i) {
        const FrameRing::Slot& slot = ring.oldest(i);
        const Seen seen = find_segment(slot.frame(), slot.way());
        if (seen.header == nullptr || (only != nullptr && seen.tuple != *only)) continue;
        print_segment(sink, slot, seen, only == nullptr);
        ++shown;
    }
    print(sink, "{} segments among the last {} frames\n", shown, ring.size());
}

}  // namespace kyu::net
