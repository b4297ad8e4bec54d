// Sockets: getsockopt and setsockopt, tcp_info, and what sockstat tells.
//
// Context   with the network lock held.
#include <linux/sockios.h>
#include <linux/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/socket/options.hpp"
#include "port/packetdrill/sockets.hpp"

namespace kyu::packetdrill {

using net::ConnectionState;
using net::NetGuard;

namespace {

// Linux' numbers of states, as tcp_info gives them.
constexpr std::uint8_t kEstablished = 1;
constexpr std::uint8_t kSynSent = 2;
constexpr std::uint8_t kSynReceived = 3;
constexpr std::uint8_t kFinWait1 = 4;
constexpr std::uint8_t kFinWait2 = 5;
constexpr std::uint8_t kClose = 7;
constexpr std::uint8_t kCloseWait = 8;
constexpr std::uint8_t kLastAck = 9;
constexpr std::uint8_t kListen = 10;
constexpr std::uint8_t kClosing = 11;

std::uint8_t number_of(ConnectionState state) {
    switch (state) {
        case ConnectionState::syn_sent: return kSynSent;
        case ConnectionState::syn_received: return kSynReceived;
        case ConnectionState::established: return kEstablished;
        case ConnectionState::fin_wait_1: return kFinWait1;
        case ConnectionState::fin_wait_2: return kFinWait2;
        case ConnectionState::close_wait: return kCloseWait;
        case ConnectionState::closing: return kClosing;
        case ConnectionState::last_ack: return kLastAck;
    }
    return kClose;
}

const char* sockstat_name(ConnectionState state) {
    switch (state) {
        case ConnectionState::syn_sent: return "SYN_SENT";
        case ConnectionState::syn_received: return "SYN_RCVD";
        case ConnectionState::established: return "ESTABLISHED";
        case ConnectionState::fin_wait_1: return "FIN_WAIT_1";
        case ConnectionState::fin_wait_2: return "FIN_WAIT_2";
        case ConnectionState::close_wait: return "CLOSE_WAIT";
        case ConnectionState::closing: return "CLOSING";
        case ConnectionState::last_ack: return "LAST_ACK";
    }
    return "?";
}

/// The receive buffer, as SO_RCVBUF tells it: what was asked for until the connection stands.
std::uint32_t receive_bytes(const net::Socket* so, const Descriptor& d) {
    const bool told = so != nullptr && d.role == Role::connection &&
                      (so->pcb == nullptr || so->pcb->state != ConnectionState::syn_sent);
    return told ? so->receive.limit() : d.options.receive_bytes;
}

std::optional<int> tcp_option(const Descriptor& d, const net::Socket* so, int name) {
    const net::SocketOptions& o = d.options;
    switch (name) {
        case TCP_NODELAY: return o.no_delay ? 1 : 0;
        case TCP_MAXSEG:
            return so != nullptr && so->pcb != nullptr ? static_cast<int>(so->pcb->mss)
                                                       : int{net::kMssDefault};
        case TCP_KEEPIDLE: return static_cast<int>(o.keep_idle.us() / 1'000'000);
        case TCP_KEEPINTVL: return static_cast<int>(o.keep_interval.us() / 1'000'000);
        case TCP_KEEPCNT: return o.keep_count;
        case TCP_USER_TIMEOUT: return static_cast<int>(o.user_timeout.us() / 1000);
        default: return std::nullopt;
    }
}

Outcome tell(int number, std::span<std::byte> value, socklen_t* bytes) {
    if (value.size() < sizeof number) return Outcome::fail(EINVAL);
    std::memcpy(value.data(), &number, sizeof number);
    *bytes = sizeof number;
    return Outcome::of(0);
}

}  // namespace

Outcome Sockets::get_option(NetGuard& guard, Descriptor& d, int level, int name,
                            std::span<std::byte> value, socklen_t* bytes,
                            const Settings& settings) {
    const net::Socket* so = guard->tcp.sockets.find(d.id);
    const int factor = settings.system == System::linux ? 2 : 1;  // Linux counts its overhead
    if (level == SOL_SOCKET) {
        switch (name) {
            case SO_ERROR: return tell(take_error(guard, d), value, bytes);
            case SO_RCVBUF:
                return tell(static_cast<int>(receive_bytes(so, d)) * factor, value, bytes);
            case SO_SNDBUF:
                return tell(static_cast<int>(d.options.send_bytes) * factor, value, bytes);
            case SO_KEEPALIVE: return tell(d.options.keepalive ? 1 : 0, value, bytes);
            case SO_REUSEADDR: return tell(1, value, bytes);
            case SO_TYPE: return tell(SOCK_STREAM, value, bytes);
            case SO_ACCEPTCONN: return tell(d.role == Role::listener ? 1 : 0, value, bytes);
            case SO_MEMINFO: return Outcome::of(0);  // as it was given: zeros
            default: return Outcome::fail(ENOPROTOOPT);
        }
    }
    if (level != IPPROTO_TCP) return Outcome::fail(ENOPROTOOPT);
    if (name == TCP_INFO) {
        fill_tcp_info(guard, d, value);
        return Outcome::of(0);
    }
    if (name == TCP_CC_INFO) {
        *bytes = 0;
        return Outcome::of(0);
    }
    const auto number = tcp_option(d, so, name);
    return number ? tell(*number, value, bytes) : Outcome::fail(ENOPROTOOPT);
}

namespace {

/// False: no such option.
bool change(net::SocketOptions& o, int level, int name, int value, std::span<const std::byte> all) {
    const auto number = static_cast<std::uint32_t>(std::max(value, 0));
    if (level == SOL_SOCKET) {
        switch (name) {
            case SO_REUSEADDR: return true;  // always on
            case SO_KEEPALIVE: o.keepalive = value != 0; return true;
            case SO_RCVBUF:
                o.receive_bytes = std::clamp(number, net::kSockBufBytesMin, net::kSockBufBytesMax);
                return true;
            case SO_SNDBUF:
                o.send_bytes = std::clamp(number, net::kSockBufBytesMin, net::kSockBufBytesMax);
                return true;
            case SO_LINGER: {
                linger l{};
                if (all.size() < sizeof l) return false;
                std::memcpy(&l, all.data(), sizeof l);
                o.linger.reset();
                if (l.l_onoff != 0) o.linger = Duration::from_s(l.l_linger);
                return true;
            }
            default: return false;
        }
    }
    if (level != IPPROTO_TCP) return false;
    switch (name) {
        case TCP_NODELAY: o.no_delay = value != 0; return true;
        case TCP_KEEPIDLE: o.keep_idle = Duration::from_s(value); return true;
        case TCP_KEEPINTVL: o.keep_interval = Duration::from_s(value); return true;
        case TCP_KEEPCNT:
            o.keep_count = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
            return true;
        case TCP_USER_TIMEOUT: o.user_timeout = Duration::from_ms(value); return true;
        case TCP_CONGESTION: {
            const std::string_view text{reinterpret_cast<const char*>(all.data()), all.size()};
            if (text.starts_with("cubic")) {
                o.congestion = net::CongestionAlgorithm::cubic;
            } else if (text.starts_with("reno") || text.starts_with("newreno")) {
                o.congestion = net::CongestionAlgorithm::newreno;
            } else {
                return false;
            }
            return true;
        }
        default: return false;
    }
}

}  // namespace

Outcome Sockets::set_option(NetGuard& guard, Descriptor& d, int level, int name, int value,
                            std::span<const std::byte> all) {
    net::SocketOptions wanted = d.options;
    if (!change(wanted, level, name, value, all)) return Outcome::fail(ENOPROTOOPT);
    if (!net::valid(wanted)) return Outcome::fail(EINVAL);
    if (level == SOL_SOCKET && name == SO_RCVBUF) d.reads_whole = false;
    d.options = wanted;
    net::Socket* so = guard->tcp.sockets.find(d.id);
    if (so != nullptr) {
        const std::uint32_t limit = so->receive.limit();
        so->options = wanted;
        net::apply_options(*guard, *so);
        if (name != SO_RCVBUF || level != SOL_SOCKET) so->receive.set_limit(limit);
    }
    return Outcome::of(0);
}

void fill_tcp_info(NetGuard& guard, const Descriptor& d, std::span<std::byte> into) {
    tcp_info info{};
    const net::Socket* so = guard->tcp.sockets.find(d.id);
    info.tcpi_state = d.role == Role::listener ? kListen : kClose;
    if (so != nullptr && so->pcb != nullptr) {
        const net::Tcpcb& tp = *so->pcb;
        info.tcpi_state = number_of(tp.state);
        unsigned options = 0;
        if (tp.agreed.timestamps) options |= TCPI_OPT_TIMESTAMPS;
        if (tp.agreed.sack) options |= TCPI_OPT_SACK;
        if (tp.agreed.scaling) options |= TCPI_OPT_WSCALE;
        if (tp.agreed.ecn) options |= TCPI_OPT_ECN;
        info.tcpi_options = static_cast<std::uint8_t>(options);
        info.tcpi_snd_wscale = tp.agreed.snd_scale & 0xFU;
        info.tcpi_rcv_wscale = tp.agreed.rcv_scale & 0xFU;
        info.tcpi_retransmits = static_cast<std::uint8_t>(tp.retries);
        info.tcpi_backoff = info.tcpi_retransmits;
        info.tcpi_probes = static_cast<std::uint8_t>(tp.persist_shift);
        info.tcpi_rto = static_cast<std::uint32_t>(tp.rtt.rto().us());
        info.tcpi_rtt = static_cast<std::uint32_t>(tp.rtt.smoothed().us());
        const std::uint32_t mss = std::max(tp.mss, 1U);
        info.tcpi_snd_mss = mss;
        info.tcpi_snd_cwnd = tp.congestion.window() / mss;
        info.tcpi_snd_ssthresh = tp.congestion.threshold() == UINT32_MAX
                                     ? 0x7FFF'FFFFU
                                     : tp.congestion.threshold() / mss;
        info.tcpi_unacked = (tp.in_flight() + mss - 1) / mss;
        info.tcpi_snd_wnd = tp.snd_wnd;
        info.tcpi_notsent_bytes = so->send.size() - std::min(so->send.size(), tp.in_flight());
    }
    std::memcpy(into.data(), &info, std::min(into.size(), sizeof info));
}

std::string tell_states(const net::LockedNet& net, const Sockets& sockets) {
    std::string text;
    const auto line = [&](const char* state) {
        text += "root packetdril 1 3 tcp4 board peer ";
        text += state;
        text += '\n';
    };
    auto& tcp = const_cast<net::TcpState&>(net.tcp);  // for_each has no const twin; nothing changes
    for (std::size_t i = 0; i < net::kSocketsMax; ++i) {
        const net::Socket* so = tcp.sockets.at(i);
        if (so == nullptr) continue;
        if (so->listening) line("LISTEN");
        if (so->pcb != nullptr) line(sockstat_name(so->pcb->state));
    }
    for (std::size_t i = tcp.syn_cache.stats().used; i > 0; --i) line("SYN_RCVD");
    std::size_t waiting = tcp.time_wait.stats().used;
    for (std::size_t i = waiting; i > 0; --i) line("TIME_WAIT");
    for (const auto& [fd, d] : sockets.all()) {
        if (d.role != Role::connection) {
            if (d.role == Role::fresh) line("CLOSED");
            continue;
        }
        const net::Socket* so = tcp.sockets.find(d.id);
        if (so != nullptr && so->pcb != nullptr) continue;
        // Its TIME-WAIT has been told above.
        if (waiting > 0) {
            --waiting;
        } else {
            line("CLOSED");
        }
    }
    return text;
}

}  // namespace kyu::packetdrill
