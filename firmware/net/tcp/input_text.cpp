// Segment arrives, §3.10.7.4, steps seven and eight: text and FIN.
//
// Lock      the network lock.
#include <algorithm>
#include <utility>

#include "net/net.hpp"
#include "net/tcp/arrival.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

namespace {

/// RFC 9293 §3.8.6.3: every second segment at once, a lone one within 40 ms.
void schedule_ack(LockedNet& net, Tcpcb& tp, std::uint32_t bytes) {
    tp.rcv_segment = std::max(tp.rcv_segment, bytes);
    if (tp.unacked_bytes >= 2 * tp.rcv_segment || tp.armed(TcpTimer::delayed_ack)) {
        tp.ack_now = true;
    } else {
        net.tcp.arm(tp, TcpTimer::delayed_ack, net.now() + kDelayedAck);
    }
}

/// Of `data`, which begins at rcv_nxt, the part before the first piece that is already here; the
/// rest is filed. The part that is in order is never refused, however full the queue is.
Mbuf split_at_gap(LockedNet& net, Tcpcb& tp, Mbuf&& data) {
    ReassemblyQueue& queue = tp.reassembly;
    if (queue.empty()) return data;
    const std::uint32_t gap = (queue.first() - tp.rcv_nxt).value;
    if (gap >= data.size()) return data;
    Mbuf ready = data.take_front(gap);
    if (!ready) {
        data.trim_back(data.size() - gap);
        return data;
    }
    if (!queue.insert(net.tcp.reassembly, tp.rcv_nxt + SeqLen{gap}, std::move(data))) {
        net.tcp.stats.count(TcpCount::drop_reassembly);
    }
    return ready;
}

/// The pool is nearly used up. What has come before its turn goes first: the peer has it still. Of
/// what is in order each connection may keep a little, so that all of them crawl and none stands.
bool under_pressure(const Tcpcb& tp, const TcpSegment& seg) {
    return seg.seq != tp.rcv_nxt || tp.socket->receive.size() >= kReceiveUnderPressure;
}

/// The user has closed: there is nobody to give text to (RFC 1122 §4.2.2.13). While our own data
/// are still under way the peer is left in peace, or it might throw away what we sent; after that
/// it gets a reset.
Next refuse_text(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
    net.tcp.stats.count(TcpCount::drop_after_close);
    if (tp.state == ConnectionState::fin_wait_2) {
        tcp_drop(net, tp, SocketError::reset);
        return Next::done;
    }
    tp.data_lost = true;
    if (seg.seq == tp.rcv_nxt) {
        tp.rcv_nxt = tp.rcv_nxt + SeqLen{seg.data_bytes};
    }
    tp.ack_now = true;
    return Next::step;
}

}  // namespace

void append_in_order(LockedNet& net, Tcpcb& tp, Mbuf&& data) {
    SockBuf& buffer = tp.socket->receive;
    const std::uint32_t bytes = data.size();
    tp.rcv_nxt = tp.rcv_nxt + SeqLen{bytes};
    tp.unacked_bytes += bytes;
    net.tcp.stats.count(TcpCount::bytes_in, bytes);
    if (tp.socket->no_more_input) return;  // its receiving side was shut down: nobody reads it
    buffer.append_received(std::move(data));
    if (buffer.over_memory() && buffer.compact(net.pool)) {
        net.tcp.stats.count(TcpCount::compactions);
    }
    net.wake(tp.socket->readable);
}

Next take_text(LockedNet& net, Tcpcb& tp, const TcpSegment& seg, Mbuf&& data) {
    if (seg.data_bytes == 0) return Next::step;
    if (!receives(tp.state)) {  // after the peer's FIN there is no text
        net.tcp.stats.count(TcpCount::drop_flags);
        return Next::step;
    }
    if (tp.socket->orphan()) return refuse_text(net, tp, seg);
    ReassemblyQueue& queue = tp.reassembly;
    if (!net.pool.used_below(kPoolEighthsForReceive) && under_pressure(tp, seg)) {
        net.tcp.stats.count(TcpCount::drop_pressure);
        return Next::step;
    }
    if (seg.seq == tp.rcv_nxt && queue.empty() && !queue.fin_known()) {  // the ordinary case
        append_in_order(net, tp, std::move(data));
        schedule_ack(net, tp, seg.data_bytes);
        return Next::step;
    }
    // RFC 5681 §4.2: at once, whether this makes a gap or fills one.
    tp.ack_now = true;
    queue.trim_to_fin(seg.seq, data);
    if (const auto twice = queue.overlap(seg.seq, seg.seq + SeqLen{data.size()})) {
        tp.report.duplicate(twice->first, twice->end);
    }
    if (seg.seq == tp.rcv_nxt) {
        Mbuf ready = split_at_gap(net, tp, std::move(data));
        ready.append(queue.take_from(net.tcp.reassembly, tp.rcv_nxt + SeqLen{ready.size()}));
        if (ready.size() > 0) append_in_order(net, tp, std::move(ready));
        return Next::step;
    }
    net.tcp.stats.count(TcpCount::out_of_order);
    if (!queue.insert(net.tcp.reassembly, seg.seq, std::move(data))) {
        net.tcp.stats.count(TcpCount::drop_reassembly);
    }
    tp.report.arrived(queue, seg.seq);
    return Next::step;
}

Next check_fin(LockedNet& net, Tcpcb& tp) {
    if (!receives(tp.state) || !tp.reassembly.fin_is_at(tp.rcv_nxt)) return Next::step;
    Socket& so = *tp.socket;
    tp.rcv_nxt = tp.rcv_nxt + SeqLen{1};
    tp.rcv_adv = later(tp.rcv_adv, tp.rcv_nxt);
    tp.ack_now = true;
    so.no_more_input = true;
    tp.reassembly.clear(net.tcp.reassembly);
    net.wake(so.readable);
    switch (tp.state) {
        case ConnectionState::established: tp.state = ConnectionState::close_wait; break;
        case ConnectionState::fin_wait_1:
            tp.state = ConnectionState::closing;
            // Both FINs have crossed, or ours was lost: with it the ACK costs no segment more.
            if (tp.in_flight() == 1 && tp.socket->send.size() == 0) tcp_tail_probe(net, tp);
            break;
        case ConnectionState::fin_wait_2:
            tcp_output(net, tp);
            enter_time_wait(net, tp);
            return Next::done;
        default: break;
    }
    return Next::step;
}

}  // namespace kyu::net
