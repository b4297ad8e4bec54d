// Which road a packet came by: the checks of the wire do not hold for packets to ourselves.
//
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "net/packet/mbuf.hpp"

namespace kyu::net {

class LockedNet;

enum class Road : std::uint8_t { wire, loopback };

/// ip_input() for both roads. The net thread calls it for what this host has sent to itself.
void ip_receive(LockedNet& net, Mbuf&& packet, Road road, bool link_broadcast);

}  // namespace kyu::net
