// Header prediction: the two segments of which nearly all traffic consists, the short way.
//
// Rules     Taken is only what the steps of §3.10.7.4 would take in the same way; anything else is
//           left to them, untouched. Output waits for the end of the batch of frames: one ACK, or
//           one run of new segments, for all of them.
// Lock      the network lock.
#include <utility>

#include "net/net.hpp"
#include "net/tcp/arrival.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/output.hpp"
#include "net/tcp/timestamps.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

/// In a batch, this many full segments have their ACK at once: the peer's window must not run dry
/// while we read, and a lost ACK must not cost too much.
constexpr std::uint32_t kStretchSegments = 16;

/// RFC 7323, of one segment.
struct Stamp {
    std::uint32_t value{0};
    std::uint32_t echo{0};
};

/// Bytes of the header, when it has the options that were agreed on, in their usual place, and no
/// others, and is not older than what was seen; else 0.
std::uint32_t expected_header(const Tcpcb& tp, const TcpHeader& header, const Mbuf& segment,
                              Stamp& stamp) {
    constexpr std::uint32_t kStamped = kTcpHeaderBytes + kTimestampBytes;
    if (!tp.agreed.timestamps) {
        return header.offset == (kTcpHeaderBytes / 4) << 4U ? std::uint32_t{kTcpHeaderBytes} : 0;
    }
    if (header.offset != (kStamped / 4) << 4U || segment.front().size() < kStamped) return 0;
    struct StampOption {
        Be32 head;
        Be32 value;
        Be32 echo;
    };
    const auto& option = *header_at<StampOption>(segment.front().subspan(kTcpHeaderBytes));
    if (option.head.host() != kStampHead) return 0;
    stamp = {option.value.host(), option.echo.host()};
    return ts_before(stamp.value, tp.agreed.ts_recent) ? 0 : kStamped;
}

/// The segment is good: it proves that the peer is alive, and its timestamp may be the one to echo.
void heard(LockedNet& net, Tcpcb& tp, const Stamp& stamp) {
    tp.last_heard = net.now();
    if (!tp.agreed.timestamps || tp.rcv_nxt.is_after(tp.last_ack_sent)) return;
    tp.agreed.ts_recent = stamp.value;
    tp.ts_recent_at = net.now();
}

/// Whether so many bytes from rcv_nxt on would simply be appended.
bool may_append(const LockedNet& net, const Tcpcb& tp, std::uint32_t bytes) {
    return net.pool.used_below(kPoolEighthsForReceive) && bytes <= tp.advertised() &&
           tp.reassembly.empty() && !tp.reassembly.fin_known() && !tp.socket->orphan();
}

/// Whether an ACK of new data, without text, would simply move snd_una.
bool may_advance(const Tcpcb& tp, SeqNum ack) {
    return ack.is_after(tp.snd_una) && !ack.is_after(tp.snd_max) && tp.snd_nxt == tp.snd_max &&
           tp.recovery.calm() && tp.sent.clean() && !tp.armed(TcpTimer::persist);
}

/// §3.10.7.4, seventh step, of the next text in order.
void take_next_text(LockedNet& net, Tcpcb& tp, Mbuf text) {
    const std::uint32_t bytes = text.size();
    append_in_order(net, tp, std::move(text));
    tp.rcv_segment = std::max(tp.rcv_segment, bytes);
    if (tp.unacked_bytes >= kStretchSegments * tp.rcv_segment) {
        tp.ack_now = true;
        tcp_output(net, tp);
        return check_invariants(tp);
    }
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

}  // namespace

bool arrives_predicted(LockedNet& net, Tcpcb& tp, Mbuf& segment) {
    const TcpHeader& header = *header_at<TcpHeader>(segment.front());
    const auto flags = static_cast<std::uint8_t>(header.flags & ~TcpFlags::kPsh);
    if (tp.state != ConnectionState::established || flags != TcpFlags::kAck ||
        SeqNum{header.seq.host()} != tp.rcv_nxt ||
        tp.snd_wl1.is_after(tp.rcv_nxt)) {  // a window came from beyond a gap: it is newer
        return false;
    }
    Stamp stamp;
    const std::uint32_t header_bytes = expected_header(tp, header, segment, stamp);
    if (header_bytes == 0) return false;
    const SeqNum ack{header.ack.host()};
    const std::uint32_t window = std::uint32_t{header.window.host()} << tp.agreed.snd_scale;
    const std::uint32_t bytes = segment.size() - header_bytes;
    if (bytes == 0) {
        if (!may_advance(tp, ack)) return false;
        const std::uint32_t in_flight = tp.in_flight();
        const std::uint32_t acked = (ack - tp.snd_una).value;
        heard(net, tp, stamp);
        take_new_ack(net, tp, ack, stamp.echo);
        recovery_plain_ack(net, tp, acked, in_flight);
        tp.snd_wnd = window;
        tp.snd_wnd_max = std::max(tp.snd_wnd_max, window);
        tp.snd_wl1 = tp.rcv_nxt;
        tp.snd_wl2 = ack;
        net.tcp.defer_output(tp);
        return true;
    }
    if (ack != tp.snd_una || window != tp.snd_wnd || !may_append(net, tp, bytes)) return false;
    heard(net, tp, stamp);
    tp.snd_wl1 = tp.rcv_nxt;
    tp.snd_wl2 = ack;
    segment.trim_front(header_bytes);
    take_next_text(net, tp, std::move(segment));
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
