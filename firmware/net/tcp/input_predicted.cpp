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
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

/// In a batch, this many full segments have their ACK at once: the peer's window must not run dry
/// while we read, and a lost ACK must not cost too much.
constexpr std::uint32_t kStretchSegments = 16;

/// Whether so many bytes from rcv_nxt on would simply be appended.
bool may_append(const Tcpcb& tp, std::uint32_t bytes) {
    return bytes <= tp.advertised() && tp.reassembly.empty() && !tp.reassembly.fin_known() &&
           !tp.socket->orphan();
}

/// Whether an ACK of new data, without text, would simply move snd_una.
bool may_advance(const Tcpcb& tp, SeqNum ack) {
    return ack.is_after(tp.snd_una) && !ack.is_after(tp.snd_max) && tp.snd_nxt == tp.snd_max &&
           !tp.congestion.recovering() && !tp.armed(TcpTimer::persist);
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
    constexpr std::uint8_t kPlainOffset = (kTcpHeaderBytes / 4) << 4U;
    const TcpHeader& header = *header_at<TcpHeader>(segment.front());
    const auto flags = static_cast<std::uint8_t>(header.flags & ~TcpFlags::kPsh);
    if (tp.state != ConnectionState::established || flags != TcpFlags::kAck ||
        header.offset != kPlainOffset || SeqNum{header.seq.host()} != tp.rcv_nxt ||
        tp.snd_wl1.is_after(tp.rcv_nxt)) {  // a window came from beyond a gap: it is newer
        return false;
    }
    const SeqNum ack{header.ack.host()};
    const std::uint32_t window = header.window.host();
    const std::uint32_t bytes = segment.size() - std::uint32_t{kTcpHeaderBytes};
    if (bytes == 0) {
        if (!may_advance(tp, ack)) return false;
        tp.last_heard = net.now();
        take_new_ack(net, tp, ack);
        tp.snd_wnd = window;
        tp.snd_wnd_max = std::max(tp.snd_wnd_max, window);
        tp.snd_wl1 = tp.rcv_nxt;
        tp.snd_wl2 = ack;
        net.tcp.defer_output(tp);
        return true;
    }
    if (ack != tp.snd_una || window != tp.snd_wnd || !may_append(tp, bytes)) return false;
    tp.last_heard = net.now();
    tp.snd_wl1 = tp.rcv_nxt;
    tp.snd_wl2 = ack;
    segment.trim_front(kTcpHeaderBytes);
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
