// Ethernet input and output.
//
// Lock      the network lock.
#include "net/ether.hpp"

#include <utility>

#include "net/net.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

bool is_for_us(const LockedNet& net, const MacAddress& destination) {
    if (destination == net.interface.mac) return true;
    return destination.is_group() &&
           (destination == MacAddress::broadcast() || net.igmp.wants(destination));
}

}  // namespace

void ether_input(LockedNet& net, Mbuf&& frame) {
    ++net.stats.ether_in;
    if (frame.size() < sizeof(EthernetHeader)) return net.stats.count(Drop::ether_short);
    if (!frame.pull_up(sizeof(EthernetHeader))) return net.stats.count(Drop::in_no_memory);
    const auto& header = *header_at<EthernetHeader>(frame.front());
    if (!is_for_us(net, header.destination)) return net.stats.count(Drop::ether_foreign);
    if (header.source == net.interface.mac) return net.stats.count(Drop::ether_own);
    const bool to_group = header.destination.is_group();
    const std::uint16_t type = header.type.host();
    frame.trim_front(sizeof(EthernetHeader));
    switch (type) {
        case static_cast<std::uint16_t>(EtherType::ipv4):
            return ip_input(net, std::move(frame), to_group);
        case static_cast<std::uint16_t>(EtherType::arp): return arp_input(net, std::move(frame));
        default:
            return net.stats.count(type < kSmallestEtherType ? Drop::ether_llc : Drop::ether_type);
    }
}

Status<SendError> give_to_link(LockedNet& net, Mbuf&& frame) {
    net.frames.record(frame, net.now(), FrameWay::out);
    if (!net.interface.link.transmit(std::move(frame))) {
        net.stats.count(Drop::out_ring_full);
        return SendError::ring_full;
    }
    return ok;
}

Status<SendError> ether_output(LockedNet& net, const MacAddress& destination, EtherType type,
                               Mbuf&& payload) {
    const std::span<std::byte> room = payload.prepend(sizeof(EthernetHeader));
    if (room.empty()) {
        net.stats.count(Drop::out_no_memory);
        return SendError::no_memory;
    }
    auto& header = *header_at<EthernetHeader>(room);
    header.destination = destination;
    header.source = net.interface.mac;
    header.type = Be16{static_cast<std::uint16_t>(type)};
    return give_to_link(net, std::move(payload));
}

}  // namespace kyu::net
