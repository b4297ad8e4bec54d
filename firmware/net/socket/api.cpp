// TcpSocket: the calls of socket/calls.cpp, each under its own guard.
//
// Context   threads.
#include "net/socket/api.hpp"

#include <array>
#include <utility>

#include "base/check.hpp"
#include "net/net.hpp"
#include "net/socket/calls.hpp"
#include "net/socket/options.hpp"
#include "net/socket/poll.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net {

const char* to_text(SocketError error) {
    switch (error) {
        case SocketError::timed_out: return "timed out";
        case SocketError::refused: return "refused";
        case SocketError::reset: return "reset";
        case SocketError::closed: return "closed";
        case SocketError::not_connected: return "not connected";
        case SocketError::in_use: return "in use";
        case SocketError::unreachable: return "unreachable";
        case SocketError::no_memory: return "no memory";
        case SocketError::invalid: return "invalid";
    }
    return "?";
}

TcpSocket::TcpSocket(TcpSocket&& other) noexcept
    : net_(std::exchange(other.net_, nullptr)), id_(std::exchange(other.id_, SocketId{})) {}

TcpSocket& TcpSocket::operator=(TcpSocket&& other) noexcept {
    if (this != &other) {
        CHECK(!open());  // what it named would be lost
        net_ = std::exchange(other.net_, nullptr);
        id_ = std::exchange(other.id_, SocketId{});
    }
    return *this;
}

TcpSocket::~TcpSocket() { CHECK(!open()); }

Result<TcpSocket, SocketError> TcpSocket::listen(Net& net, ThreadContext& self, std::uint16_t port,
                                                 unsigned backlog) {
    NetGuard guard{net, self};
    const auto id = tcp_usr_listen(*guard, port, backlog);
    if (!id) return id.error();
    return TcpSocket{net, *id};
}

Result<TcpSocket, SocketError> TcpSocket::connect(Net& net, ThreadContext& self,
                                                  const Endpoint& remote, Instant deadline) {
    NetGuard guard{net, self};
    const auto id = soconnect(guard, remote, deadline);
    if (!id) return id.error();
    return TcpSocket{net, *id};
}

Result<TcpSocket, SocketError> TcpSocket::begin_connect(Net& net, ThreadContext& self,
                                                        const Endpoint& remote) {
    NetGuard guard{net, self};
    const auto id = tcp_usr_connect(*guard, remote);
    if (!id) return id.error();
    return TcpSocket{net, *id};
}

Status<SocketError> TcpSocket::connected(ThreadContext& self, Instant deadline) {
    if (!open()) return SocketError::closed;
    NetGuard guard{*net_, self};
    return soconnected(guard, id_, deadline);
}

Result<TcpSocket, SocketError> TcpSocket::accept(ThreadContext& self, Instant deadline) {
    if (!open()) return SocketError::closed;
    NetGuard guard{*net_, self};
    const auto id = soaccept(guard, id_, deadline);
    if (!id) return id.error();
    return TcpSocket{*net_, *id};
}

namespace {

SendOutcome send_locked(Net& net, ThreadContext& self, SocketId id, std::span<const std::byte> data,
                        SendMode mode, Instant deadline) {
    if constexpr (kMissionBugs) {
        if (planted::GuardDoor::behind(net).is(MissionBug::unlocked_sendbuf)) {
            return planted::send_without_lock(net, self, id, data, mode, deadline);
        }
    }
    NetGuard guard{net, self};
    return sosend(guard, id, data, mode, deadline);
}

}  // namespace

SendOutcome TcpSocket::send(ThreadContext& self, std::span<const std::byte> data,
                            Instant deadline) {
    if (!open()) return {0, SocketError::closed};
    return send_locked(*net_, self, id_, data, SendMode::copy, deadline);
}

SendOutcome TcpSocket::send_static(ThreadContext& self, std::span<const std::byte> data,
                                   Instant deadline) {
    if (!open()) return {0, SocketError::closed};
    return send_locked(*net_, self, id_, data, SendMode::refer, deadline);
}

Result<std::size_t, SocketError> TcpSocket::recv(ThreadContext& self, std::span<std::byte> into,
                                                 Instant deadline) {
    if (!open()) return SocketError::closed;
    NetGuard guard{*net_, self};
    return soreceive(guard, id_, into, deadline);
}

Result<std::size_t, SocketError> TcpSocket::discard(ThreadContext& self, Instant deadline) {
    if (!open()) return SocketError::closed;
    NetGuard guard{*net_, self};
    return sodiscard(guard, id_, deadline);
}

Status<SocketError> TcpSocket::shutdown(ThreadContext& self, Shutdown which) {
    if (!open()) return SocketError::closed;
    NetGuard guard{*net_, self};
    return soshutdown(guard, id_, which);
}

Result<SocketOptions, SocketError> TcpSocket::options(ThreadContext& self) const {
    if (!open()) return SocketError::closed;
    NetGuard guard{*net_, self};
    const Socket* so = guard->tcp.sockets.find(id_);
    if (so == nullptr) return SocketError::closed;
    return so->options;
}

Status<SocketError> TcpSocket::set_options(ThreadContext& self, const SocketOptions& options) {
    if (!open()) return SocketError::closed;
    if (!valid(options)) return SocketError::invalid;
    NetGuard guard{*net_, self};
    Socket* so = guard->tcp.sockets.find(id_);
    if (so == nullptr) return SocketError::closed;
    so->options = options;
    apply_options(*guard, *so);
    return ok;
}

void TcpSocket::close(ThreadContext& self) {
    if (!open()) return;
    NetGuard guard{*net_, self};
    if constexpr (kMissionBugs) {
        if (guard->bug.is(MissionBug::close_deadlock)) planted::wait_for_disconnect(guard, id_);
    }
    soclose(guard, id_);
    id_ = {};
}

void TcpSocket::abort(ThreadContext& self) {
    if (!open()) return;
    NetGuard guard{*net_, self};
    soabort(guard, id_);
    id_ = {};
}

Endpoint TcpSocket::remote(ThreadContext& self) const {
    if (!open()) return {};
    NetGuard guard{*net_, self};
    const Socket* so = guard->tcp.sockets.find(id_);
    return so != nullptr ? so->remote : Endpoint{};
}

Endpoint TcpSocket::local(ThreadContext& self) const {
    if (!open()) return {};
    NetGuard guard{*net_, self};
    const Socket* so = guard->tcp.sockets.find(id_);
    if (so == nullptr) return {};
    if (so->listening) return {Ipv4{}, so->port};
    return so->pcb != nullptr ? so->pcb->tuple.local : Endpoint{};
}

Result<unsigned, SocketError> poll(Net& net, ThreadContext& self, std::span<PollItem> items,
                                   Instant deadline) {
    if (items.size() > kPollMax) return SocketError::invalid;
    std::array<PollEntry, kPollMax> entries{};
    for (std::size_t i = 0; i < items.size(); ++i) {
        const PollItem& item = items[i];
        entries[i] = {item.socket == nullptr ? SocketId{} : item.socket->id(), item.wanted, {}};
    }
    NetGuard guard{net, self};
    const auto found = sopoll(guard, std::span{entries}.first(items.size()), deadline);
    for (std::size_t i = 0; i < items.size(); ++i) items[i].seen = entries[i].seen;
    if (!found) return found.error();
    return *found;
}

}  // namespace kyu::net
