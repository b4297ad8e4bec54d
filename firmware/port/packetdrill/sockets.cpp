// Sockets: opening, moving bytes, closing.
//
// Context   with the network lock held.
#include "port/packetdrill/sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/socket/calls.hpp"
#include "net/socket/poll.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::packetdrill {

using net::NetGuard;
using net::SocketError;

int errno_of(SocketError error) {
    switch (error) {
        case SocketError::timed_out: return ETIMEDOUT;
        case SocketError::refused: return ECONNREFUSED;
        case SocketError::reset: return ECONNRESET;
        case SocketError::closed: return EPIPE;
        case SocketError::not_connected: return ENOTCONN;
        case SocketError::in_use: return EADDRINUSE;
        case SocketError::unreachable: return EHOSTUNREACH;
        case SocketError::no_memory: return ENOBUFS;
        case SocketError::invalid: return EINVAL;
    }
    return EIO;
}

namespace {

net::Socket* stack_socket(NetGuard& guard, const Descriptor& d) {
    return guard->tcp.sockets.find(d.id);
}

/// The connection's end, when it has come with an error that nobody was told of.
bool has_error(NetGuard& guard, const Descriptor& d) {
    if (d.gave_up) return !d.error_told;
    const net::Socket* so = stack_socket(guard, d);
    return so != nullptr && so->failed && !d.error_told;
}

bool is_inet(const sockaddr* address, socklen_t bytes) {
    return address != nullptr && bytes >= sizeof(sockaddr_in) && address->sa_family == AF_INET;
}

net::Endpoint endpoint_of(const sockaddr* address) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    net::Endpoint end;
    end.address.host = ntohl(in.sin_addr.s_addr);
    end.port = ntohs(in.sin_port);
    return end;
}

void tell_endpoint(const net::Endpoint& end, sockaddr* address, socklen_t* bytes) {
    if (address == nullptr || bytes == nullptr) return;
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(end.address.host);
    in.sin_port = htons(end.port);
    std::memcpy(address, &in, std::min<std::size_t>(*bytes, sizeof in));
    *bytes = sizeof in;
}

/// A number that nothing else in the process has.
int new_number() { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }

}  // namespace

Outcome Sockets::open(int domain, int type, int protocol, const Settings& settings) {
    constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (domain != AF_INET) return Outcome::fail(EAFNOSUPPORT);
    if ((type & ~kFlags) != SOCK_STREAM) return Outcome::fail(ESOCKTNOSUPPORT);
    if (protocol != 0 && protocol != IPPROTO_TCP) return Outcome::fail(EPROTONOSUPPORT);
    const int fd = new_number();
    if (fd < 0) return Outcome::fail(errno);
    Descriptor& d = open_[fd];
    static_cast<net::TcpSettings&>(d.options) = settings.of_socket(false);
    d.nonblocking = (type & SOCK_NONBLOCK) != 0;
    return Outcome::of(fd);
}

Outcome Sockets::bind(Descriptor& d, const sockaddr* address, socklen_t bytes) {
    if (!is_inet(address, bytes)) return Outcome::fail(EINVAL);
    if (d.role != Role::fresh || d.port != 0) return Outcome::fail(EINVAL);
    const net::Endpoint end = endpoint_of(address);
    if (!end.address.is_any() && end.address != address_) return Outcome::fail(EADDRNOTAVAIL);
    d.port = end.port;
    return Outcome::of(0);
}

Outcome Sockets::listen(NetGuard& guard, Descriptor& d, int backlog, const Settings& settings) {
    if (d.role == Role::listener) return Outcome::of(0);
    if (d.role != Role::fresh) return Outcome::fail(EINVAL);
    const auto id =
        net::tcp_usr_listen(*guard, d.port, static_cast<unsigned>(std::max(backlog, 1)));
    if (!id) return Outcome::fail(errno_of(id.error()));
    d.role = Role::listener;
    d.id = *id;
    d.options.ecn = settings.of_socket(true).ecn;
    net::Socket* so = stack_socket(guard, d);
    so->options = d.options;
    net::apply_options(*guard, *so);
    return Outcome::of(0);
}

Outcome Sockets::accept(NetGuard& guard, Descriptor& d, sockaddr* address, socklen_t* bytes) {
    if (d.role != Role::listener) return Outcome::fail(EINVAL);
    const auto id = net::soaccept(guard, d.id, net::kDoNotWait);
    if (!id) {
        return id.error() == SocketError::timed_out ? Outcome::must_wait()
                                                    : Outcome::fail(errno_of(id.error()));
    }
    const int fd = new_number();
    if (fd < 0) return Outcome::fail(errno);
    Descriptor& child = open_[fd];
    child.role = Role::connection;
    child.id = *id;
    const net::Socket* so = guard->tcp.sockets.find(*id);
    child.options = so->options;
    child.reads_whole = d.reads_whole;
    tell_endpoint(so->remote, address, bytes);
    return Outcome::of(fd);
}

Outcome Sockets::connect(NetGuard& guard, Descriptor& d, const sockaddr* address, socklen_t bytes,
                         Duration patience) {
    if (!is_inet(address, bytes)) return Outcome::fail(EINVAL);
    if (d.role == Role::listener) return Outcome::fail(EOPNOTSUPP);
    if (d.role == Role::connection) return connected(guard, d);
    const auto id = net::tcp_usr_connect(*guard, endpoint_of(address), d.options);
    if (!id) return Outcome::fail(errno_of(id.error()));
    d.role = Role::connection;
    d.id = *id;
    d.connecting = true;
    if (patience != Duration{}) d.give_up_at = guard->now() + patience;
    stack_socket(guard, d)->options = d.options;
    return {.value = -1, .error = EINPROGRESS, .wait = true};
}

Outcome Sockets::connected(NetGuard& guard, Descriptor& d) {
    if (d.gave_up) return Outcome::fail(d.error_told ? ECONNABORTED : take_error(guard, d));
    const auto done = net::soconnected(guard, d.id, net::kDoNotWait);
    if (!done && done.error() == SocketError::timed_out) {
        const net::Socket* so = stack_socket(guard, d);
        if (so == nullptr || !so->failed) {
            return {.value = -1, .error = d.nonblocking ? EALREADY : EINPROGRESS, .wait = true};
        }
    }
    const bool first = d.connecting;
    d.connecting = false;
    if (!done) return Outcome::fail(take_error(guard, d));
    return first ? Outcome::of(0) : Outcome::fail(EISCONN);
}

int Sockets::take_error(NetGuard& guard, Descriptor& d) {
    if (!has_error(guard, d)) return 0;
    d.error_told = true;
    if (d.gave_up) return ETIMEDOUT;
    return errno_of(stack_socket(guard, d)->error);
}

Instant Sockets::next_give_up() const {
    Instant first = Instant::never();
    for (const auto& [fd, d] : open_) first = std::min(first, d.give_up_at);
    return first;
}

void Sockets::give_up(NetGuard& guard) {
    for (auto& [fd, d] : open_) {
        if (guard->now() < d.give_up_at) continue;
        d.give_up_at = Instant::never();
        const net::Socket* so = stack_socket(guard, d);
        if (so == nullptr || so->pcb == nullptr || !so->pcb->syn_unacked()) continue;
        net::soabort(guard, d.id);
        d.gave_up = true;
    }
}

Outcome Sockets::send(NetGuard& guard, Descriptor& d, std::span<const std::byte> data,
                      std::size_t& done) {
    if (d.role != Role::connection) return Outcome::fail(d.role == Role::fresh ? EPIPE : ENOTCONN);
    if (has_error(guard, d)) return Outcome::fail(take_error(guard, d));
    net::Socket* so = stack_socket(guard, d);
    if (so == nullptr || so->failed || so->no_more_output) return Outcome::fail(EPIPE);
    if (so->pcb != nullptr && so->pcb->syn_unacked()) return Outcome::must_wait();
    const auto outcome =
        net::sosend(guard, d.id, data.subspan(done), net::SendMode::copy, net::kDoNotWait);
    done += outcome.sent;
    if (outcome.status || done == data.size()) return Outcome::of(static_cast<long>(done));
    if (outcome.status.error() != SocketError::timed_out) {
        return done > 0 ? Outcome::of(static_cast<long>(done))
                        : Outcome::fail(errno_of(outcome.status.error()));
    }
    return Outcome::must_wait();
}

Outcome Sockets::receive(NetGuard& guard, Descriptor& d, std::span<std::byte> into, int flags) {
    if (d.role != Role::connection) return Outcome::fail(ENOTCONN);
    net::Socket* so = stack_socket(guard, d);
    if (has_error(guard, d) && (so == nullptr || so->receive.size() == 0)) {
        return Outcome::fail(take_error(guard, d));
    }
    if (so == nullptr) return Outcome::of(0);
    if (so->pcb != nullptr && so->pcb->syn_unacked()) return Outcome::must_wait();
    if (into.empty()) return Outcome::of(0);
    if ((flags & MSG_PEEK) != 0 && so->receive.size() > 0) {
        const auto count = std::min(static_cast<std::uint32_t>(into.size()), so->receive.size());
        const net::Mbuf part = so->receive.share(0, count);
        part.copy_out(0, into.first(count));
        return Outcome::of(static_cast<long>(count));
    }
    if (so->receive.size() == 0 && so->failed) return Outcome::of(0);
    const auto got = net::soreceive(guard, d.id, into, net::kDoNotWait);
    if (got) return Outcome::of(static_cast<long>(*got));
    if (got.error() == SocketError::timed_out) return Outcome::must_wait();
    return Outcome::fail(errno_of(got.error()));
}

Outcome Sockets::shut_down(NetGuard& guard, Descriptor& d, int how) {
    if (d.role != Role::connection) return Outcome::fail(ENOTCONN);
    const net::Socket* so = stack_socket(guard, d);
    if (so == nullptr || so->pcb == nullptr || so->pcb->state == net::ConnectionState::syn_sent) {
        return Outcome::fail(ENOTCONN);
    }
    const auto which = how == SHUT_RD   ? net::Shutdown::receive
                       : how == SHUT_WR ? net::Shutdown::send
                                        : net::Shutdown::both;
    if (which != net::Shutdown::receive) d.sends = false;
    const auto done = net::soshutdown(guard, d.id, which);
    return done ? Outcome::of(0) : Outcome::fail(errno_of(done.error()));
}

Outcome Sockets::close(NetGuard& guard, int fd) {
    Descriptor* d = find(fd);
    if (d == nullptr) return Outcome::fail(EBADF);
    if (d->role != Role::fresh) {
        net::Socket* so = stack_socket(guard, *d);
        // A lingering close() waits; the adapter's does not, so only the immediate reset is
        // offered.
        if (so != nullptr && so->options.linger && *so->options.linger == Duration{}) {
            net::soabort(guard, d->id);
        } else if (so != nullptr) {
            net::tcp_usr_close(*guard, *so);
        }
    }
    open_.erase(fd);
    ::close(fd);
    return Outcome::of(0);
}

Outcome Sockets::queued(NetGuard& guard, Descriptor& d, unsigned long request, int* value) {
    const net::Socket* so = stack_socket(guard, d);
    if (so == nullptr || d.role != Role::connection) return Outcome::fail(EINVAL);
    const net::Tcpcb* tp = so->pcb;
    switch (request) {
        case SIOCINQ: *value = static_cast<int>(so->receive.size()); break;
        case SIOCOUTQ: *value = static_cast<int>(so->send.size()); break;
        case SIOCOUTQNSD:
            *value = static_cast<int>(
                tp == nullptr ? 0 : so->send.size() - std::min(so->send.size(), tp->in_flight()));
            break;
        default: return Outcome::fail(EINVAL);
    }
    return Outcome::of(0);
}

short Sockets::poll(NetGuard& guard, const Descriptor& d, short wanted) {
    if (d.role == Role::fresh) return static_cast<short>(POLLHUP | (wanted & POLLOUT));
    const net::PollEvents events = net::events_of(*guard, d.id);
    const net::Socket* so = stack_socket(guard, d);
    int seen = 0;
    if (any(events & net::PollEvents::readable)) seen |= POLLIN;
    if (any(events & net::PollEvents::writable)) seen |= POLLOUT;
    if (so != nullptr && so->no_more_input && d.role == Role::connection) {
        seen |= POLLRDHUP;
        if (so->no_more_output) seen |= POLLHUP;
    }
    if (has_error(guard, d)) seen |= POLLERR;
    return static_cast<short>(seen & (wanted | POLLERR | POLLHUP));
}

}  // namespace kyu::packetdrill
