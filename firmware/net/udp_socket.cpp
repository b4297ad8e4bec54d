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

Status<UdpError> UdpSocket::connect(ThreadContext& self, const Endpoint& to) {
    if (net_ == nullptr) return UdpError::closed;
    NetGuard guard{*net_, self};
    UdpPort* port = guard->udp.get(id_);
    if (port == nullptr) return UdpError::closed;
    if (to.port != 0 && to.address.is_any()) return UdpError::unreachable;
    port->remote = to;
    port->failed = false;
    port->queue.clear();
    return ok;
}

void UdpSocket::allow_broadcast(ThreadContext& self, bool allowed) {
    if (net_ == nullptr) return;
    NetGuard guard{*net_, self};
    UdpPort* port = guard->udp.get(id_);
    if (port != nullptr) port->broadcasts = allowed;
}

Status<UdpError> UdpSocket::join(ThreadContext& self, Ipv4 group) {
    if (net_ == nullptr) return UdpError::closed;
    NetGuard guard{*net_, self};
    UdpPort* port = guard->udp.get(id_);
    if (port == nullptr) return UdpError::closed;
    if (!group.is_multicast()) return UdpError::unreachable;
    if (port->joined(group)) return ok;
    const auto slot = std::find(port->groups.begin(), port->groups.end(), Ipv4{});
    if (slot == port->groups.end() || !igmp_join(*guard, group)) return UdpError::no_memory;
    *slot = group;
    return ok;
}

Status<UdpError> UdpSocket::leave(ThreadContext& self, Ipv4 group) {
    if (net_ == nullptr) return UdpError::closed;
    NetGuard guard{*net_, self};
    UdpPort* port = guard->udp.get(id_);
    if (port == nullptr) return UdpError::closed;
    const auto slot = std::find(port->groups.begin(), port->groups.end(), group);
    if (group.is_any() || slot == port->groups.end()) return UdpError::unreachable;
    *slot = Ipv4{};
    igmp_leave(*guard, group);
    return ok;
}

Status<UdpError> UdpSocket::send(ThreadContext& self, std::span<const std::byte> data) {
    return send_to(self, Endpoint{}, data);
}

Status<UdpError> UdpSocket::send_to(ThreadContext& self, const Endpoint& to,
                                    std::span<const std::byte> data) {
    if (net_ == nullptr) return UdpError::closed;
    NetGuard guard{*net_, self};
    UdpPort* port = guard->udp.get(id_);
    if (port == nullptr) return UdpError::closed;
    if (std::exchange(port->failed, false)) return port->error;
    if (data.size() > kUdpPayloadMax) return UdpError::too_big;
    const Endpoint target = to.port == 0 ? port->remote : to;
    if (target.port == 0) return UdpError::unreachable;
    if (guard->interface.is_broadcast(target.address) && !port->broadcasts) {
        return UdpError::denied;
    }
    Mbuf payload = data.empty() ? guard->pool.allocate(0) : guard->pool.copy_in(data);
    if (!payload) return UdpError::no_memory;
    port->last_to = target;
    const auto sent = udp_output(*guard, Ipv4{}, port->port, target, std::move(payload));
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
        if (std::exchange(port->failed, false)) return port->error;
        if (guard->now() >= deadline) return UdpError::timed_out;
        // The outcome is found by looking again: the port may have gone meanwhile.
        static_cast<void>(guard.wait(port->readable, deadline));
    }
}

void UdpSocket::close(ThreadContext& self) {
    if (!is_open()) return;
    NetGuard guard{*net_, self};
    UdpPort* port = guard->udp.get(id_);
    if (port != nullptr) {
        guard->wake(port->readable);
        for (const Ipv4 group : port->groups) {
            if (!group.is_any()) igmp_leave(*guard, group);
        }
    }
    guard->udp.unbind(std::exchange(id_, UdpId{}));
}

std::uint16_t UdpSocket::port(ThreadContext& self) const {
    if (net_ == nullptr) return 0;
    NetGuard guard{*net_, self};
    const UdpPort* p = guard->udp.get(id_);
    return p == nullptr ? std::uint16_t{0} : p->port;
}

}  // namespace kyu::net
