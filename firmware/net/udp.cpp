// UDP input, output and the table of ports.
//
// Lock      the network lock.
#include "net/udp.hpp"

#include <utility>

#include "net/checksum.hpp"
#include "net/net.hpp"
#include "net/wire/ipv4.hpp"
#include "net/wire/udp.hpp"

namespace kyu::net {

namespace {

constexpr std::uint16_t kFirstEphemeral = 49152;  // RFC 6335 §6
constexpr std::uint16_t kEphemeralPorts = 16384;
static_assert(sizeof(UdpHeader) == kUdpHeaderBytes);

bool checksum_right(const Mbuf& packet, std::size_t header_bytes, const UdpHeader& header,
                    const IpInfo& ip) {
    if (header.checksum.host() == 0) return true;  // RFC 768: the sender made none
    Checksum sum;
    sum.add_pseudo_header(ip.source, ip.destination, static_cast<std::uint8_t>(ip.protocol),
                          header.length.host());
    sum.add(packet, header_bytes);
    return sum.finish() == 0;
}

}  // namespace

const char* to_text(UdpError error) {
    switch (error) {
        case UdpError::in_use: return "port in use";
        case UdpError::no_memory: return "no memory";
        case UdpError::too_big: return "too big";
        case UdpError::unreachable: return "unreachable";
        case UdpError::timed_out: return "timed out";
        case UdpError::closed: return "closed";
    }
    return "?";
}

UdpPort* UdpTable::find(std::uint16_t port) {
    if (port == 0) return nullptr;
    for (UdpPort& p : ports_) {
        if (p.port == port) return &p;
    }
    return nullptr;
}

UdpPort* UdpTable::get(UdpId id) {
    if (!id || id.index >= ports_.size()) return nullptr;
    UdpPort& p = ports_[id.index];
    return p.port != 0 && p.generation == id.generation ? &p : nullptr;
}

Result<UdpId, UdpError> UdpTable::bind(std::uint16_t port, UdpHandler handler,
                                       std::uint16_t random) {
    if (find(port) != nullptr) return UdpError::in_use;
    for (std::uint16_t i = 0; port == 0 && i <= kUdpPorts; ++i) {
        // One more step than there are blocks always finds a free port.
        const auto candidate = static_cast<std::uint16_t>(
            kFirstEphemeral + (std::uint32_t{random} + i) % kEphemeralPorts);
        if (find(candidate) == nullptr) port = candidate;
    }
    for (std::uint16_t i = 0; i < kUdpPorts; ++i) {
        UdpPort& p = ports_[i];
        if (p.port != 0) continue;
        p.port = port;
        p.handler = handler;
        if (++p.generation == 0) p.generation = 1;
        return UdpId{i, p.generation};
    }
    return UdpError::no_memory;
}

void UdpTable::unbind(UdpId id) {
    UdpPort* p = get(id);
    if (p == nullptr) return;
    p->queue.clear();
    p->port = 0;
    p->handler = nullptr;
}

void udp_input(LockedNet& net, Mbuf&& packet, std::size_t header_bytes, const IpInfo& ip) {
    ++net.stats.udp_in;
    if (packet.size() < header_bytes + sizeof(UdpHeader)) return net.stats.count(Drop::udp_short);
    if (!packet.pull_up(header_bytes + sizeof(UdpHeader))) {
        return net.stats.count(Drop::in_no_memory);
    }
    const auto parsed =
        UdpHeader::parse(packet.front().subspan(header_bytes), packet.size() - header_bytes);
    if (!parsed) return net.stats.count(parsed.error());
    const UdpHeader& header = **parsed;
    packet.trim_back(packet.size() - header_bytes - header.length.host());
    if (!checksum_right(packet, header_bytes, header, ip)) {
        return net.stats.count(Drop::udp_checksum);
    }
    UdpPort* port = net.udp.find(header.destination.host());
    if (port == nullptr) {
        net.stats.count(Drop::udp_port);
        return icmp_unreachable(net, Unreachable::port, packet, ip);
    }
    UdpDatagram datagram{
        .payload = {}, .from = {ip.source, header.source.host()}, .to = ip.destination};
    packet.trim_front(header_bytes + sizeof(UdpHeader));
    datagram.payload = std::move(packet);
    if (port->handler != nullptr) return port->handler(net, std::move(datagram));
    if (!port->queue.push(std::move(datagram))) return net.stats.count(Drop::udp_queue_full);
    net.wake(port->readable);
}

Status<SendError> udp_output(LockedNet& net, Ipv4 source, std::uint16_t source_port,
                             const Endpoint& to, Mbuf&& payload) {
    const std::size_t length = payload.size() + sizeof(UdpHeader);
    if (length > 0xFFFF) {
        net.stats.count(Drop::out_too_big);
        return SendError::too_big;
    }
    const std::span<std::byte> room =
        payload ? payload.prepend(sizeof(UdpHeader)) : std::span<std::byte>{};
    if (room.empty()) {
        net.stats.count(Drop::out_no_memory);
        return SendError::no_memory;
    }
    auto& header = *header_at<UdpHeader>(room);
    header = UdpHeader{.source = Be16{source_port},
                       .destination = Be16{to.port},
                       .length = Be16{static_cast<std::uint16_t>(length)},
                       .checksum = {}};
    if (transport_checksum_needed(net, to.address)) {
        const Ipv4 from = source.is_any() ? source_address(net, to.address) : source;
        Checksum sum;
        sum.add_pseudo_header(from, to.address, static_cast<std::uint8_t>(IpProtocol::udp),
                              static_cast<std::uint16_t>(length));
        sum.add(payload);
        // RFC 768: a sum of zero is sent as all ones, since zero means "none".
        header.checksum = Be16{sum.finish() == 0 ? std::uint16_t{0xFFFF} : sum.finish()};
    }
    ++net.stats.udp_out;
    const IpSend send{.source = source,
                      .destination = to.address,
                      .protocol = IpProtocol::udp,
                      .dont_fragment = false};
    return ip_output(net, send, std::move(payload));
}

}  // namespace kyu::net
