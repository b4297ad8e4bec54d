// UDP echo (RFC 862), port 7.
//
// Context   start_udp_echo() once, from a thread. The answers are made by the stack itself as the
//           datagrams come in: the buffers go back that brought them, whatever their size.
// Rules     nothing is answered that was sent to a group, nor what comes from a port that may
//           answer answers: two echo services would talk to each other for ever (RFC 4732 §3.1.2).
#pragma once

#include "kernel/context.hpp"
#include "net/udp.hpp"

namespace kyu::net {
class Net;
}

namespace kyu {

inline constexpr std::uint16_t kUdpEchoPort = 7;

Status<net::UdpError> start_udp_echo(net::Net& net, ThreadContext& self);

namespace udp_echo {
/// The handler of the port.
void answer(net::LockedNet& net, net::UdpDatagram datagram);
}  // namespace udp_echo

}  // namespace kyu
