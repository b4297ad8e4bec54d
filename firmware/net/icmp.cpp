// ICMP: echo is answered, errors are believed with care and sent with restraint.
//
// Lock      the network lock.
#include "net/icmp.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "net/checksum.hpp"
#include "net/net.hpp"
#include "net/tcp/tcp.hpp"
#include "net/wire/icmp.hpp"
#include "net/wire/udp.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

/// The checksum after the type has changed from echo (8) to reply (0), everything else the same
/// (RFC 1624 §3, equation 3 with m' = 0).
Be16 reply_checksum(Be16 echo_checksum) {
    constexpr std::uint32_t kEchoTypeWord = 0x0800;
    const std::uint32_t sum = echo_checksum.host() + kEchoTypeWord;
    return Be16{static_cast<std::uint16_t>((sum & 0xFFFFU) + (sum >> 16U))};
}

void answer_echo(LockedNet& net, Mbuf&& message, const IpInfo& ip) {
    // RFC 1122 §3.2.2.6 lets a host stay silent to groups; smurf attacks made that the rule.
    if (ip.link_broadcast || ip.ip_broadcast) return net.stats.count(Drop::icmp_broadcast);
    IcmpHeader header = *header_at<IcmpHeader>(message.front());
    header.type = static_cast<std::uint8_t>(IcmpType::echo_reply);
    header.checksum = reply_checksum(header.checksum);
    message.trim_front(sizeof(IcmpHeader));
    // The data goes back in the buffer it came in; the header gets room of its own if it must.
    if (!message) {
        message = net.pool.allocate(sizeof(IcmpHeader));
        if (!message) return net.stats.count(Drop::in_no_memory);
        *header_at<IcmpHeader>(message.writable_front()) = header;
    } else {
        const std::span<std::byte> room = message.prepend(sizeof(IcmpHeader));
        if (room.empty()) return net.stats.count(Drop::in_no_memory);
        *header_at<IcmpHeader>(room) = header;
    }
    const IpSend send{.source = ip.destination,
                      .destination = ip.source,
                      .protocol = IpProtocol::icmp,
                      .tos = ip.tos,
                      .dont_fragment = false};
    if (ip_output(net, send, std::move(message))) ++net.stats.icmp_echoes_answered;
}

/// An error about something this host has sent (RFC 5927: believed only as far as it quotes what
/// only the peer can know; TCP decides that).
void take_error(LockedNet& net, Mbuf&& message, const IpInfo& ip) {
    if (ip.link_broadcast || ip.ip_broadcast) return net.stats.count(Drop::icmp_broadcast);
    const std::size_t wanted = std::min<std::size_t>(
        message.size(), sizeof(IcmpHeader) + Ipv4Header::kLongest + IcmpQuote::kPromised);
    if (!message.pull_up(wanted)) return net.stats.count(Drop::in_no_memory);
    const auto& header = *header_at<IcmpHeader>(message.front());
    const auto quote = IcmpQuote::parse(message.front().subspan(sizeof(IcmpHeader)));
    if (!quote) return net.stats.count(quote.error());
    if (!net.interface.is_own(quote->source)) return net.stats.count(Drop::icmp_bad_quote);
    const FourTuple udp_tuple{
        .local = {quote->source, header_at<UdpHeader>(quote->transport)->source.host()},
        .remote = {quote->destination, header_at<UdpHeader>(quote->transport)->destination.host()}};
    switch (static_cast<IpProtocol>(quote->protocol)) {
        case IpProtocol::udp:
            return udp_icmp_error(net, static_cast<IcmpType>(header.type), header.code, udp_tuple);
        case IpProtocol::icmp: return ping_icmp_error(net, quote->destination, quote->transport);
        case IpProtocol::tcp: break;
        default: return;
    }
    struct Start {
        Be16 source;
        Be16 destination;
        Be32 sequence;
    };
    const auto& start = *header_at<Start>(std::span<const std::byte>{quote->transport});
    const FourTuple quoted{.local = {quote->source, start.source.host()},
                           .remote = {quote->destination, start.destination.host()}};
    tcp_icmp_error(net, header.type, header.code, header.sequence.host(), quoted,
                   start.sequence.host());
}

/// RFC 1122 §3.2.2: nothing is said about a later fragment, nor about an ICMP message that is not
/// a question.
bool must_be_silent(const Mbuf& packet, std::size_t header_bytes) {
    const auto& header = *header_at<Ipv4Header>(packet.front());
    if ((header.flags_offset.host() & Ipv4Header::kOffsetMask) != 0) return true;
    if (header.protocol != static_cast<std::uint8_t>(IpProtocol::icmp)) return false;
    std::array<std::byte, 1> type{};
    if (packet.size() <= header_bytes) return true;
    packet.copy_out(header_bytes, type);
    return type[0] != std::byte{static_cast<std::uint8_t>(IcmpType::echo)};
}

bool may_answer(LockedNet& net) {
    if (!net.icmp.errors.allow(net.now())) return false;
    if (net.random.below(4) == 0) static_cast<void>(net.icmp.errors.allow(net.now()));
    return true;
}

}  // namespace

void icmp_input(LockedNet& net, Mbuf&& message, const IpInfo& ip) {
    ++net.stats.icmp_in;
    if (message.size() < sizeof(IcmpHeader)) return net.stats.count(Drop::icmp_short);
    if (!message.pull_up(sizeof(IcmpHeader))) return net.stats.count(Drop::in_no_memory);
    Checksum sum;
    sum.add(message);
    if (sum.finish() != 0) return net.stats.count(Drop::icmp_checksum);
    switch (static_cast<IcmpType>(header_at<IcmpHeader>(message.front())->type)) {
        case IcmpType::echo: return answer_echo(net, std::move(message), ip);
        case IcmpType::unreachable:
        case IcmpType::time_exceeded:
        case IcmpType::parameter_problem: return take_error(net, std::move(message), ip);
        case IcmpType::echo_reply:
            if (ping_reply(net, message, ip)) return;
            net.stats.count(Drop::icmp_unsolicited);
            if constexpr (kMissionBugs) {
                if (net.bug.is(MissionBug::icmp_leak)) planted::forget(std::move(message));
            }
            return;
        case IcmpType::source_quench:  // RFC 6633 §3: ignored
        case IcmpType::redirect:       // one gateway, configured: not to be talked out of it
            break;
    }
    net.stats.count(Drop::icmp_type);
}

void icmp_error(LockedNet& net, const IcmpFault& fault, const Mbuf& packet, const IpInfo& ip) {
    const std::size_t header_bytes = (std::to_integer<std::size_t>(packet.front()[0]) & 0xFU) * 4;
    if (ip.link_broadcast || ip.ip_broadcast || must_be_silent(packet, header_bytes)) return;
    if (!may_answer(net)) return net.stats.count(Drop::icmp_rate_limited);
    const std::size_t quoted =
        std::min<std::size_t>(packet.size(), header_bytes + IcmpQuote::kPromised);
    Mbuf message = net.pool.allocate(sizeof(IcmpHeader) + quoted);
    if (!message) return net.stats.count(Drop::out_no_memory);
    const std::span<std::byte> bytes = message.writable_front();
    auto& header = *header_at<IcmpHeader>(bytes);
    header = IcmpHeader{.type = static_cast<std::uint8_t>(fault.type),
                        .code = fault.code,
                        .checksum = {},
                        .id = Be16{static_cast<std::uint16_t>(fault.pointer << 8U)},
                        .sequence = {}};
    packet.copy_out(0, bytes.subspan(sizeof(IcmpHeader)));
    Checksum sum;
    sum.add(bytes);
    header.checksum = Be16{sum.finish()};
    const IpSend send{.source = ip.destination,
                      .destination = ip.source,
                      .protocol = IpProtocol::icmp,
                      .dont_fragment = false};
    if (ip_output(net, send, std::move(message))) ++net.stats.icmp_errors_out;
}

}  // namespace kyu::net
