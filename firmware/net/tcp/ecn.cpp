// ECN: marks are echoed, echoes are obeyed.
//
// Lock      the network lock.
#include "net/tcp/ecn.hpp"

#include "net/net.hpp"

namespace kyu::net {

void ecn_take(LockedNet& net, Tcpcb& tp, const TcpSegment& seg) {
    // §6.1.3. The segment that says CWR may itself be marked again.
    if ((seg.flags.bits & TcpFlags::kCwr) != 0) tp.ecn_echo = false;
    if (seg.congested && seg.data_bytes > 0) {
        net.tcp.stats.count(TcpCount::ecn_marks);
        tp.ecn_echo = true;
        tp.ack_now = true;
    }
    // §6.1.2: once for each window of data, and not for what a loss has answered already.
    if ((seg.flags.bits & TcpFlags::kEce) == 0 || tp.in_flight() == 0) return;
    if (tp.recovery.phase != Recovery::Phase::open || !tp.snd_una.is_after(tp.ecn_until)) {
        return;
    }
    net.tcp.stats.count(TcpCount::ecn_reductions);
    tp.congestion.on_loss(tp.in_flight());
    tp.congestion.settle();
    tp.ecn_until = tp.snd_max;
    tp.cwr_due = true;
}

}  // namespace kyu::net
