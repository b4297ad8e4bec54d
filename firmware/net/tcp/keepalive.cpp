// Keepalive.
//
// Lock      the network lock.
#include "net/tcp/keepalive.hpp"

#include "net/net.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

void keepalive_start(LockedNet& net, Tcpcb& tp) {
    const TcpSettings& settings = tp.socket->options;
    tp.keep_probes = 0;
    if (settings.keepalive && !tp.syn_unacked()) {
        net.tcp.arm(tp, TcpTimer::keepalive, tp.last_heard + settings.keep_idle);
    } else {
        tp.disarm(TcpTimer::keepalive);
    }
}

Next keepalive_expired(LockedNet& net, Tcpcb& tp) {
    const TcpSettings& settings = tp.socket->options;
    // Any answer counts, however long before the next probe is due it came.
    if (tp.last_heard >= tp.keep_probed_at) tp.keep_probes = 0;
    // While something is unacknowledged the retransmission timer asks harder.
    if (net.now() - tp.last_heard < settings.keep_idle || tp.in_flight() > 0) {
        tp.keep_probes = 0;
        const Instant due = tp.last_heard + settings.keep_idle;
        net.tcp.arm(tp, TcpTimer::keepalive,
                    due > net.now() ? due : net.now() + settings.keep_interval);
        return Next::step;
    }
    if (tp.keep_probes >= settings.keep_count) {
        net.tcp.stats.count(TcpCount::keepalive_drops);
        tcp_drop(net, tp, SocketError::timed_out);
        return Next::done;
    }
    ++tp.keep_probes;
    tp.keep_probed_at = net.now();
    net.tcp.stats.count(TcpCount::keepalive_probes);
    tcp_keepalive_probe(net, tp);
    net.tcp.arm(tp, TcpTimer::keepalive, net.now() + settings.keep_interval);
    return Next::step;
}

}  // namespace kyu::net
