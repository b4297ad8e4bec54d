// Ethernet: which frames are ours, and who gets them.
//
// Lock      the network lock.
// Ownership both functions consume the packet whatever happens.
#pragma once

#include "base/result.hpp"
#include "net/ip.hpp"
#include "net/packet/mbuf.hpp"
#include "net/wire/ethernet.hpp"

namespace kyu::net {

class LockedNet;

/// A received frame, without FCS.
void ether_input(LockedNet& net, Mbuf&& frame);

/// A whole frame, to the link and into the ring of the last ones.
[[nodiscard]] Status<SendError> give_to_link(LockedNet& net, Mbuf&& frame);

/// Puts an Ethernet header in front of `payload` and gives the frame to the link.
[[nodiscard]] Status<SendError> ether_output(LockedNet& net, const MacAddress& destination,
                                             EtherType type, Mbuf&& payload);

}  // namespace kyu::net
