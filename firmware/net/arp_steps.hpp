// ArpSteps: the steps that need the cache's insides.
//
// Lock      the network lock.
#pragma once

#include "net/arp.hpp"

namespace kyu::net {

struct ArpPacket;

struct ArpSteps {
    /// `mac` has answered for the entry: what waited is sent.
    static void adopt(LockedNet& net, ArpEntry& entry, const MacAddress& mac);
    /// RFC 5227 §2.1.1: somebody is about to use our address. Say that it is ours, rarely.
    static void answer_probe(LockedNet& net, const MacAddress& asker);
    static void doubt(LockedNet& net, ArpEntry& entry);
    static void request(LockedNet& net, const ArpPacket& arp);
    static void reply(LockedNet& net, const ArpPacket& arp);
    /// Sends to a neighbour that must be asked for first, or again.
    static Status<SendError> hold(LockedNet& net, Ipv4 next_hop, Mbuf&& packet);
};

}  // namespace kyu::net
