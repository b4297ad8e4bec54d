// UDP calls of threads.
//
// Context   threads only.
#include "net/udp_socket.hpp"

#include <algorithm>
#include <utility>

#include "net/net.hpp"

namespace kyu::net {

namespace {

UdpError to_udp_error(SendError error) {
    switch (error) {
        case SendError::no_memory:
        case SendError::ring_full: return UdpError::no_memory;
        case SendError::too_big: return UdpError::too_big;
        case SendError::no_route:
        case SendError::link_down:
        case SendError::no_address: break;
    }
    return UdpError::unreachable;
}

}  // namespace

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : net_(other.net_), id_(std::exchange(other.id_, UdpId{})) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
    CHECK(!is_open() || this == &other);
    net_ = other.net_;
    id_ = std::exchange(other.id_, UdpId{});
    return *this;
}

UdpSocket::~UdpSocket() { CHECK(!is_open()); }

Result<UdpSocket, UdpError> UdpSocket::open(Net& net, ThreadContext& self, std::uint16_t port) {
    NetGuard guard{net, self};
    const auto id = guard->udp.bind(port, nullptr, guard->random.next_u16());
    if (!id) return id.error();
    return UdpSocket{net, *id};
}

Status<UdpError> UdpSocket::send_to(ThreadContext& self, const Endpoint& to,
                                    std::span<const std::byte> data) {
    if (net_ == nullptr) return UdpError::closed;
    NetGuard guard{*net_, self};
    const UdpPort* port = guard->udp.get(id_);
    if (port == nullptr) return UdpError::closed;
    if (data.size() + kUdpHeaderBytes + 20 > path_mtu(*guard, to.address)) return UdpError::too_big;
    Mbuf payload = guard->pool.allocate(data.size());
    if (!payload) return UdpError::no_memory;
    std::copy(data.begin(), data.end(), payload.writable_front().begin());
    const auto sent = udp_output(*guard, Ipv4{}, port->port, to, std::move(payload));
    if (!sent) return to_udp_error(sent.error());
    return ok;
}

Result<UdpReceived, UdpError> UdpSocket::receive(ThreadContext& self, std::span<std::byte> into,
                                                 Instant deadline) {
    if (net_ == nullptr) return UdpError::closed;
    NetGuard guard{*net_, self};
    for (;;) {
        UdpPort* port = guard->udp.get(id_);
        if (port == nullptr) return UdpError::closed;
        if (!port->queue.empty()) {
            const UdpDatagram datagram = port->queue.pop();
            const std::size_t whole = datagram.payload.size();
            datagram.payload.copy_out(0, into.first(std::min(whole, into.size())));
            return UdpReceived{datagram.from, whole};
        }
        if (guard->now() >= deadline) return UdpError::timed_out;
        // The outcome is found by looking again: the port may have gone meanwhile.
        static_cast<void>(guard.wait(port->readable, deadline));
    }
}

void UdpSocket::close(ThreadContext& self) {
    if (!is_open()) return;
    NetGuard guard{*net_, self};
    UdpPort* port = guard->udp.get(id_);
    if (port != nullptr) guard->wake(port->readable);
    guard->udp.unbind(std::exchange(id_, UdpId{}));
}

std::uint16_t UdpSocket::port(ThreadContext& self) const {
    if (net_ == nullptr) return 0;
    NetGuard guard{*net_, self};
    const UdpPort* p = guard->udp.get(id_);
    return p == nullptr ? std::uint16_t{0} : p->port;
}

}  // namespace kyu::net
