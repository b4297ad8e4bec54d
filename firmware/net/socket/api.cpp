// TcpSocket: the calls of socket/calls.cpp, each under its own guard.
//
// Context   threads.
#include "net/socket/api.hpp"

#include <utility>

#include "base/check.hpp"
#include "net/net.hpp"
#include "net/socket/calls.hpp"
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

Status<SocketError> TcpSocket::shutdown_send(ThreadContext& self) {
    if (!open()) return SocketError::closed;
    NetGuard guard{*net_, self};
    return soshutdown(guard, id_);
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

}  // namespace kyu::net
