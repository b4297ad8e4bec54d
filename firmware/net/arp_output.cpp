// Where each packet's neighbour is found.
//
// Lock      the network lock.
#include <utility>

#include "net/arp_steps.hpp"
#include "net/ether.hpp"
#include "net/ip_fragment.hpp"
#include "net/net.hpp"

namespace kyu::net {

ArpEntry* ArpCache::find(Ipv4 address) {
    ArpEntry& hint = entries_[recent_];
    if (hint.address == address && hint.state != ArpEntry::State::unused) return &hint;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].address == address && entries_[i].state != ArpEntry::State::unused) {
            recent_ = i;
            return &entries_[i];
        }
    }
    return nullptr;
}

Status<SendError> ip_to_link(LockedNet& net, const MacAddress& to, Mbuf&& packet) {
    if (packet.size() <= net.interface.mtu) [[likely]] {
        return ether_output(net, to, EtherType::ipv4, std::move(packet));
    }
    return ip_fragment(net, to, std::move(packet));
}

Status<SendError> arp_output(LockedNet& net, Ipv4 next_hop, Mbuf&& packet) {
    ArpEntry* entry = net.arp.find(next_hop);
    if (entry != nullptr) {
        entry->used = net.now();
        entry->wanted = true;
        if (entry->state == ArpEntry::State::reachable) [[likely]] {
            return ip_to_link(net, entry->mac, std::move(packet));
        }
    }
    return ArpSteps::hold(net, next_hop, std::move(packet));
}

}  // namespace kyu::net
