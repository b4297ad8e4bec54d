// Tables of TCP for people.
//
// Lock      the network lock.
#include "net/tcp/show.hpp"

#include "net/net.hpp"

namespace kyu::net {

namespace {

void print_pool(TextSink& sink, const char* name, const PoolStats& stats) {
    print(sink, "{:<24} used {:>5} of {:>5}, most {:>5}, empty {}\n", name, stats.used, stats.total,
          stats.high, stats.failed);
}

void print_connection(TextSink& sink, const Tcpcb& tp) {
    print_to(sink, tp.tuple.local);
    print(sink, " ");
    print_to(sink, tp.tuple.remote);
    print(sink, " {} in {} out {} flight {} cwnd {} peer {} rto {} ms{}{}{}\n", to_text(tp.state),
          tp.socket->receive.size(), tp.socket->send.size(), tp.in_flight(), tp.congestion.window(),
          tp.snd_wnd, tp.rtt.rto().ms(), tp.armed(TcpTimer::retransmit) ? " rexmt" : "",
          tp.armed(TcpTimer::persist) ? " persist" : "", tp.socket->orphan() ? " orphan" : "");
}

}  // namespace

void print_tcp_connections(TextSink& sink, LockedNet& net) {
    net.tcp.sockets.for_each([&](Socket& so) {
        if (so.listening) {
            print(sink, "*:{} LISTEN queued {} of {}\n", so.port, so.queued, so.backlog);
        } else if (so.pcb != nullptr) {
            print_connection(sink, *so.pcb);
        }
    });
}

void print_tcp_counters(TextSink& sink, LockedNet& net) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(TcpCount::count_); ++i) {
        const auto what = static_cast<TcpCount>(i);
        const std::uint64_t n = net.tcp.stats[what];
        if (n != 0) print(sink, "{:<28} {}\n", to_text(what), n);
    }
    print_pool(sink, "connections", net.tcp.connections.stats());
    print_pool(sink, "sockets", net.tcp.sockets.stats());
    print_pool(sink, "half-open", net.tcp.syn_cache.stats());
    print_pool(sink, "time-wait", net.tcp.time_wait.stats());
    print_pool(sink, "out of order", net.tcp.reassembly.stats());
}

void print_tcp(TextSink& sink, LockedNet& net) {
    print_tcp_connections(sink, net);
    print_tcp_counters(sink, net);
}

}  // namespace kyu::net
