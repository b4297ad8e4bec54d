// Header prediction: the two segments of which nearly all traffic consists, the short way.
//
// Rules     tcp_express_input() looks at a whole frame where it lies, across the layers, because a
//           call and a structure for each costs more than what they do. Only what the layers and
//           the steps of §3.10.7.4 would take in the same way is taken; anything else is left to
//           them, untouched. Output waits for the end of the batch of frames: one ACK, or one run
//           of new segments, for all of them; and so do the windows, for a train of ACKs.
// Lock      the network lock.
#include <algorithm>
#include <bit>
#include <utility>

#include "kernel/port.hpp"
#include "net/checksum.hpp"
#include "net/ip.hpp"
#include "net/ip_ordinary.hpp"
#include "net/net.hpp"
#include "net/tcp/arrival.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/ecn.hpp"
#include "net/tcp/output.hpp"
#include "net/tcp/tcp.hpp"
#include "net/tcp/timestamps.hpp"
#include "net/wire/ethernet.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

/// In a batch, this many full segments have their ACK at once: the peer's window must not run dry
/// while we read, and a lost ACK must not cost too much.
constexpr std::uint32_t kStretchSegments = 16;

/// Options of a segment that has timestamps and nothing else (RFC 7323 appendix A).
struct StampOption {
    Be32 head;
    Be32 value;
    Be32 echo;
};
static_assert(sizeof(StampOption) == kTimestampBytes);

const StampOption& stamp_of(const TcpHeader& header) {
    return *reinterpret_cast<const StampOption*>(&header + 1);  // alignment 1
}

/// What a connection expects of the peer's next segment, a train of ACKs that is under way counted
/// in.
struct Awaited {
    SeqNum una;
    std::uint32_t window;

    Awaited(const Tcpcb& tp, const AckTrain& train)
        : una(train.tp == &tp ? train.ack : tp.snd_una),
          window(train.tp == &tp ? train.window : tp.snd_wnd) {}
};

struct Expected {
    enum class Kind : std::uint8_t { no, ack, text };
    Kind kind{Kind::no};
    std::uint32_t header_bytes{0};
};
using Kind = Expected::Kind;

/// Bytes of the header, when it has the options that were agreed on, in their usual place, and no
/// others, and is not older than what was seen; else 0. So many bytes may be looked at.
std::uint32_t expected_header(const Tcpcb& tp, const TcpHeader& header, std::size_t contiguous) {
    constexpr std::uint32_t kStamped = kTcpHeaderBytes + kTimestampBytes;
    if (!tp.agreed.timestamps) {
        return header.offset == (kTcpHeaderBytes / 4) << 4U ? std::uint32_t{kTcpHeaderBytes} : 0;
    }
    if (header.offset != (kStamped / 4) << 4U || contiguous < kStamped) return 0;
    const StampOption& stamp = stamp_of(header);
    if (stamp.head.host() != kStampHead) return 0;
    return ts_before(stamp.value.host(), tp.agreed.ts_recent) ? 0 : kStamped;
}

/// Text is expected only while both ends send; a server has often closed long before its last byte
/// is acknowledged.
bool may_expect(ConnectionState state) {
    return state == ConnectionState::established || state == ConnectionState::fin_wait_1 ||
           state == ConnectionState::close_wait;
}

/// Whether a segment of `segment_bytes` is the one that is expected, and of which kind.
Expected look_at(const LockedNet& net, const Tcpcb& tp, const TcpHeader& header,
                 std::size_t contiguous, std::uint32_t segment_bytes) {
    const auto flags = static_cast<std::uint8_t>(header.flags & ~TcpFlags::kPsh);
    if (!may_expect(tp.state) || flags != TcpFlags::kAck ||
        SeqNum{header.seq.host()} != tp.rcv_nxt ||
        tp.snd_wl1.is_after(tp.rcv_nxt)) {  // a window came from beyond a gap: it is newer
        return {};
    }
    const std::uint32_t header_bytes = expected_header(tp, header, contiguous);
    if (header_bytes == 0 || header_bytes > segment_bytes) return {};
    const std::uint32_t bytes = segment_bytes - header_bytes;
    const SeqNum ack{header.ack.host()};
    const Awaited awaited{tp, net.tcp.train};
    bool good = false;
    if (bytes == 0) {
        // An ACK of new data, not of our FIN: it simply moves snd_una.
        good = ack.is_after(awaited.una) && !ack.is_after(tp.snd_max) && tp.snd_nxt == tp.snd_max &&
               (ack - tp.snd_una).value <= tp.socket->send.size() && tp.recovery.calm() &&
               tp.sent.clean() && !tp.armed(TcpTimer::persist);
    } else {
        // Text from rcv_nxt on that acknowledges nothing new: it is simply appended.
        const std::uint32_t window = std::uint32_t{header.window.host()} << tp.agreed.snd_scale;
        good = tp.state == ConnectionState::established && ack == awaited.una &&
               window == awaited.window && bytes <= tp.advertised() && tp.reassembly.empty() &&
               !tp.reassembly.fin_known() && !tp.socket->orphan() &&
               net.pool.used_below(kPoolEighthsForReceive);
    }
    if (!good) return {};
    return {bytes == 0 ? Kind::ack : Kind::text, header_bytes};
}

/// §3.10.7.4, seventh step, of the next text in order.
void take_next_text(LockedNet& net, Tcpcb& tp, Mbuf&& text) {
    const std::uint32_t bytes = text.size();
    append_in_order(net, tp, std::move(text));
    tp.rcv_segment = std::max(tp.rcv_segment, bytes);
    if (tp.unacked_bytes >= kStretchSegments * tp.rcv_segment) {
        tp.ack_now = true;
        tcp_output(net, tp);
        return check_invariants(tp);
    }
    if (tp.armed(TcpTimer::delayed_ack)) tp.ack_now = true;  // the second of two, however small
    net.tcp.defer_output(tp);
}

/// RFC 9293 §3.8.6.3: at least every second full-sized segment at once, others within 40 ms.
void schedule_ack(LockedNet& net, Tcpcb& tp) {
    if (tp.unacked_bytes == 0) return;
    if (tp.unacked_bytes >= 2 * tp.rcv_segment) {
        tp.ack_now = true;
    } else if (!tp.armed(TcpTimer::delayed_ack)) {
        net.tcp.arm(tp, TcpTimer::delayed_ack, net.now() + kDelayedAck);
    }
}

/// RFC 7323 §4.3, as note_timestamp() does it. Returns what is echoed; 0: nothing.
std::uint32_t take_stamp(LockedNet& net, Tcpcb& tp, const TcpHeader& header) {
    if (!tp.agreed.timestamps) return 0;
    const StampOption& stamp = stamp_of(header);
    if (!tp.rcv_nxt.is_after(tp.last_ack_sent)) {
        tp.agreed.ts_recent = stamp.value.host();
        tp.ts_recent_at = net.now();
    }
    return stamp.echo.host();
}

/// One more ACK, which look_at() has seen.
void join_train(LockedNet& net, Tcpcb& tp, const TcpHeader& header) {
    AckTrain& train = net.tcp.train;
    if (train.tp != &tp) {
        tcp_settle_acks(net);
        train.tp = &tp;
    }
    ++train.count;
    train.ack = SeqNum{header.ack.host()};
    train.window = std::uint32_t{header.window.host()} << tp.agreed.snd_scale;
    train.echo = take_stamp(net, tp, header);
    tp.snd_wnd_max = std::max(tp.snd_wnd_max, train.window);
}

/// `segment` begins at its header, which look_at() has seen.
void take_text(LockedNet& net, Tcpcb& tp, Expected expected, Mbuf& segment) {
    tcp_settle_acks(net);
    tp.last_heard = net.now();
    take_stamp(net, tp, *header_at<TcpHeader>(segment.front()));
    tp.snd_wl1 = tp.rcv_nxt;
    tp.snd_wl2 = tp.snd_una;
    segment.trim_front(expected.header_bytes);
    take_next_text(net, tp, std::move(segment));
}

}  // namespace

bool arrives_predicted(LockedNet& net, Tcpcb& tp, Mbuf& segment) {
    const auto front = segment.front();
    const TcpHeader& header = *header_at<TcpHeader>(front);
    const Expected expected = look_at(net, tp, header, front.size(), segment.size());
    if (expected.kind == Kind::no) return false;
    if (expected.kind == Kind::text) {
        take_text(net, tp, expected, segment);
    } else {
        join_train(net, tp, header);
        tcp_settle_acks(net);
    }
    return true;
}

void tcp_settle_acks(LockedNet& net) {
    if (net.tcp.train.tp == nullptr) return;
    const AckTrain train = std::exchange(net.tcp.train, {});
    Tcpcb& tp = *train.tp;
    const std::uint32_t in_flight = tp.in_flight();
    const std::uint32_t acked = (train.ack - tp.snd_una).value;
    tp.last_heard = net.now();
    tp.snd_wnd = train.window;
    take_new_ack(net, tp, train.ack, train.echo);
    recovery_plain_ack(net, tp, {acked, in_flight, train.count});
    tp.snd_wl1 = tp.rcv_nxt;
    tp.snd_wl2 = tp.snd_una;
    net.tcp.defer_output(tp);
}

namespace {

struct Headers {
    EthernetHeader ether;
    Ipv4Header ip;
    TcpHeader tcp;
};
static_assert(sizeof(Headers) - sizeof(TcpHeader) == kRoadHeaderBytes);

/// The connection of a frame whose headers below TCP are in order, or nullptr. So many bytes may
/// be looked at.
Tcpcb* connection_of(LockedNet& net, const Headers& h, std::size_t frame_bytes) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&h);
    TcpState::Flow& flow = net.tcp.flow;
    if (flow.tp != nullptr && flow.image.matches(bytes)) return flow.tp;
    const Interface& interface = net.interface;
    if (h.ether.destination != interface.mac || h.ether.source == interface.mac ||
        h.ether.type != Be16{static_cast<std::uint16_t>(EtherType::ipv4)} ||
        h.ip.protocol != static_cast<std::uint8_t>(IpProtocol::tcp) ||
        (h.ip.tos & kEcnMask) == kCongestionExperienced ||
        !is_ordinary(interface, h.ip, frame_bytes - sizeof(EthernetHeader))) {
        return nullptr;
    }
    Tcpcb* tp = net.tcp.find({{interface.address, h.tcp.destination.host()},
                              {interface.usual_source, h.tcp.source.host()}});
    if (tp == nullptr) return nullptr;
    flow.tp = tp;
    flow.image.remember(bytes);
    return tp;
}

/// Whether the checksum of a segment without text is right.
bool header_is_sound(const Tcpcb& tp, const TcpHeader& header, std::uint32_t bytes) {
    // The pseudo-header, as words of the wire (RFC 9293 §3.1).
    const auto word = [](std::uint32_t host) -> std::uint64_t {
        return std::bit_cast<std::uint32_t>(Be32{host});
    };
    const std::uint64_t pseudo = word(tp.tuple.local.address.host) +
                                 word(tp.tuple.remote.address.host) +
                                 word(static_cast<std::uint32_t>(IpProtocol::tcp) << 16U | bytes);
    const auto* at = reinterpret_cast<const std::byte*>(&header);
    constexpr std::size_t kPlain = kTcpHeaderBytes / 4;
    constexpr std::size_t kStamped = (kTcpHeaderBytes + kTimestampBytes) / 4;
    return (tp.agreed.timestamps ? header_checksum(at, kStamped, pseudo)
                                 : header_checksum(at, kPlain, pseudo)) == 0;
}

/// The frame that link.peek() has shown is a segment with text that is expected.
void fetch_text(LockedNet& net, Tcpcb& tp, Expected expected, std::uint32_t segment_bytes) {
    Mbuf frame = net.interface.link.receive(net.pool);
    if (!frame) return;  // no memory: counted there
    net.frames.record(frame, net.now(), FrameWay::in);
    port::marked_point();  // off the ring, not looked at
    frame.trim_back(frame.size() - kRoadHeaderBytes - segment_bytes);  // padding
    frame.trim_front(kRoadHeaderBytes);
    if (transport_checksum(tp.tuple.remote.address, tp.tuple.local.address,
                           static_cast<std::uint8_t>(IpProtocol::tcp), frame) != 0) {
        return net.tcp.stats.count(TcpCount::drop_checksum);
    }
    take_text(net, tp, expected, frame);
}

}  // namespace

bool tcp_express_input(LockedNet& net) {
    if (!net.tcp.predicts) return false;
    const std::span<const std::byte> frame = net.interface.link.peek();
    const auto* h = header_at<Headers>(frame);
    if (h == nullptr) return false;
    Tcpcb* tp = connection_of(net, *h, frame.size());
    if (tp == nullptr) return false;
    const std::uint32_t total = h->ip.total_length.host();
    if (total < sizeof(Ipv4Header) + kTcpHeaderBytes ||
        total > frame.size() - sizeof(EthernetHeader)) {
        return false;
    }
    const std::uint32_t segment_bytes = total - static_cast<std::uint32_t>(sizeof(Ipv4Header));
    const Expected expected =
        look_at(net, *tp, h->tcp, frame.size() - kRoadHeaderBytes, segment_bytes);
    if (expected.kind == Kind::no) return false;
    if (expected.kind == Kind::text) {
        fetch_text(net, *tp, expected, segment_bytes);
        return true;
    }
    net.frames.record(frame, net.now(), FrameWay::in);
    port::marked_point();
    if (header_is_sound(*tp, h->tcp, segment_bytes)) {
        join_train(net, *tp, h->tcp);
    } else {
        net.tcp.stats.count(TcpCount::drop_checksum);
    }
    net.interface.link.discard();
    return true;
}

void tcp_end_batch(LockedNet& net) {
    while (Tcpcb* tp = net.tcp.take_output_due()) {
        schedule_ack(net, *tp);
        tcp_output(net, *tp);
        check_invariants(*tp);
    }
}

}  // namespace kyu::net
