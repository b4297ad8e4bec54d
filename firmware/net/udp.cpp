// UDP input, output and the table of ports.
//
// Lock      the network lock.
#include "net/udp.hpp"

#include <algorithm>
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
        case UdpError::refused: return "refused";
        case UdpError::denied: return "broadcast not allowed";
        case UdpError::timed_out: return "timed out";
        case UdpError::closed: return "closed";
    }
    return "?";
}

bool UdpPort::joined(Ipv4 group) const {
    return std::find(groups.begin(), groups.end(), group) != groups.end();
}

std::uint32_t UdpPort::memory() const {
    std::uint32_t sum = 0;
    queue.for_each([&sum](const UdpDatagram& d) { sum += d.payload.memory(); });
    return sum;
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
    p->remote = p->last_to = Endpoint{};
    p->broadcasts = p->failed = false;
    p->groups.fill(Ipv4{});
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
    const bool foreign = (port->connected() && port->remote != datagram.from) ||
                         (ip.destination.is_multicast() && ip.destination != kAllHosts &&
                          !port->joined(ip.destination));
    if (foreign) return net.stats.count(Drop::udp_foreign);
    packet.trim_front(header_bytes + sizeof(UdpHeader));
    datagram.payload = std::move(packet);
    if (port->handler != nullptr) return port->handler(net, std::move(datagram));
    const bool room = port->memory() + datagram.payload.memory() <= kUdpQueueMemoryMax;
    if (!room || !port->queue.push(std::move(datagram))) {
        return net.stats.count(Drop::udp_queue_full);
    }
    net.wake(port->readable);
}

void udp_icmp_error(LockedNet& net, IcmpType type, std::uint8_t code, const FourTuple& quoted) {
    UdpPort* port = net.udp.find(quoted.local.port);
    if (port == nullptr || port->handler != nullptr) return;
    if ((port->connected() ? port->remote : port->last_to) != quoted.remote) return;
    ++net.stats.icmp_errors_in;
    const bool refused =
        type == IcmpType::unreachable && (code == static_cast<std::uint8_t>(Unreachable::port) ||
                                          code == static_cast<std::uint8_t>(Unreachable::protocol));
    port->failed = true;
    port->error = refused ? UdpError::refused : UdpError::unreachable;
    net.wake(port->readable);
}

Status<SendError> udp_output(LockedNet& net, Ipv4 source, std::uint16_t source_port,
                             const Endpoint& to, Mbuf&& payload) {
    const std::size_t length = payload.size() + sizeof(UdpHeader);
    if (payload.size() > kUdpPayloadMax) {
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
    // A device sees fragments one by one and cannot sum them up.
    const bool fragments = length + sizeof(Ipv4Header) > net.interface.mtu;
    if (fragments || transport_checksum_needed(net, to.address)) {
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
