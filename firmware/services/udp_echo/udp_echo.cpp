#include "services/udp_echo/udp_echo.hpp"

#include <utility>

#include "net/net.hpp"

namespace kyu {

namespace udp_echo {

void answer(net::LockedNet& net, net::UdpDatagram datagram) {
    constexpr std::uint16_t kLastServicePort = 19;  // echo, discard, daytime, chargen
    const bool group = datagram.to.is_multicast() || net.interface.is_broadcast(datagram.to);
    if (group || datagram.from.port <= kLastServicePort) {
        return net.stats.count(net::Drop::udp_foreign);
    }
    net::Mbuf payload = std::move(datagram.payload);
    if (!payload) payload = net.pool.allocate(0);
    // What cannot go out is counted where it is refused.
    static_cast<void>(
        net::udp_output(net, datagram.to, kUdpEchoPort, datagram.from, std::move(payload)));
}

}  // namespace udp_echo

Status<net::UdpError> start_udp_echo(net::Net& net, ThreadContext& self) {
    net::NetGuard guard(net, self);
    const auto bound = guard->udp.bind(kUdpEchoPort, udp_echo::answer, 0);
    if (!bound) return bound.error();
    return ok;
}

}  // namespace kyu
