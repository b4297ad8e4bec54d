// A socket's settings, changed while it lives.
//
// Lock      the network lock.
#include "net/tcp/options_set.hpp"

#include <algorithm>

#include "net/net.hpp"
#include "net/socket/socket.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/keepalive.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

namespace {

TcpSettings within_limits(TcpSettings s) {
    s.receive_bytes = std::clamp(s.receive_bytes, kSockBufBytesMin, kSockBufBytesMax);
    s.send_bytes = std::clamp(s.send_bytes, kSockBufBytesMin, kSockBufBytesMax);
    s.keep_idle = std::max(s.keep_idle, kKeepTimeMin);
    s.keep_interval = std::max(s.keep_interval, kKeepTimeMin);
    if (s.user_timeout != Duration{}) {
        s.user_timeout = std::clamp(s.user_timeout, kUserTimeoutMin, kUserTimeoutMax);
    }
    return s;
}

}  // namespace

void tcp_apply_settings(LockedNet& net, Socket& socket, const TcpSettings& settings) {
    TcpSettings& s = socket.options;
    s = within_limits(settings);
    socket.send.set_limit(s.send_bytes);
    socket.receive.set_limit(s.receive_bytes);
    Tcpcb* tp = socket.pcb;
    if (tp == nullptr) return;
    const std::uint32_t widest =
        std::max(kUnscaledBytes, std::uint32_t{UINT16_MAX} << tp->agreed.rcv_scale);
    socket.receive.set_limit(std::min(s.receive_bytes, widest));
    tp->no_delay = s.no_delay;
    tp->congestion.choose(s.congestion);
    if (s.user_timeout != Duration{}) tp->give_up_after = s.user_timeout;
    keepalive_start(net, *tp);
    tcp_output(net, *tp);  // what Nagle held may go
    check_invariants(*tp);
}

}  // namespace kyu::net
