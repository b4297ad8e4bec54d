// A packet that is larger than the MTU leaves in fragments.
//
// Lock      the network lock.
// Rules     the payload is cut without copying. What the link or the pool refuses ends the
//           datagram: a part of it is worth nothing, and its buffers are freed.
#include "net/ip_fragment.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/ether.hpp"
#include "net/net.hpp"
#include "net/wire/ipv4.hpp"

namespace kyu::net {

namespace {

Status<SendError> lost(LockedNet& net, SendError error) {
    net.stats.count(Drop::out_fragment);
    return error;
}

/// One fragment: the datagram's header with its own length and place.
bool give_header(Mbuf& piece, const Ipv4Header& header, std::size_t first, bool more) {
    const std::span<std::byte> room = piece.prepend(sizeof header);
    if (room.empty()) return false;
    auto& own = *header_at<Ipv4Header>(room);
    own = header;
    own.total_length = Be16{static_cast<std::uint16_t>(piece.size())};
    own.flags_offset = Be16{static_cast<std::uint16_t>(
        first / 8 | (more ? Ipv4Header::kMoreFragments : std::uint16_t{0}))};
    // Here and not by the link: what devices make of fragments differs.
    own.checksum = Be16{};
    Checksum sum;
    sum.add(std::span<const std::byte>{room});
    own.checksum = Be16{sum.finish()};
    return true;
}

}  // namespace

Status<SendError> ip_fragment(LockedNet& net, const MacAddress& to, Mbuf&& packet) {
    Ipv4Header header{};
    packet.copy_out(0, {reinterpret_cast<std::byte*>(&header), sizeof header});
    const std::size_t step = (net.interface.mtu - sizeof header) & ~std::size_t{7};
    packet.trim_front(sizeof header);
    if (net.interface.link.transmit_room() < packet.size() / step + 1) {
        return lost(net, SendError::ring_full);
    }
    for (std::size_t first = 0; packet; first += step) {
        Mbuf piece = packet.take_front(std::min<std::size_t>(step, packet.size()));
        if (!piece || !give_header(piece, header, first, static_cast<bool>(packet))) {
            return lost(net, SendError::no_memory);
        }
        const auto sent = ether_output(net, to, EtherType::ipv4, std::move(piece));
        if (!sent) return lost(net, sent.error());
        ++net.stats.ip_fragments_out;
    }
    return ok;
}

}  // namespace kyu::net
