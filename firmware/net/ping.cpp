// Echo requests and ARP questions of threads.
//
// Context   threads; ping_reply() and ping_icmp_error() under the network lock.
#include "net/ping.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "net/checksum.hpp"
#include "net/net.hpp"
#include "net/wire/icmp.hpp"

namespace kyu::net {

namespace {

PingSlot* find(LockedNet& net, const IcmpHeader& header, Ipv4 target) {
    for (PingSlot& slot : net.ping.slots) {
        if (slot.used && slot.id == header.id.host() && slot.target == target) return &slot;
    }
    return nullptr;
}

/// Byte n of the data is n, cut to a byte.
Mbuf make_data(MbufPool& pool, std::size_t bytes) {
    constexpr std::size_t kPiece = kClusterBytes - kHeaderRoom;
    Mbuf data = pool.allocate(sizeof(IcmpHeader));
    for (std::size_t at = 0; data && at < bytes;) {
        Mbuf piece = pool.allocate(std::min(bytes - at, kPiece));
        if (!piece) return {};
        for (std::byte& b : piece.writable_front()) b = static_cast<std::byte>(at++);
        data.append(std::move(piece));
    }
    return data;
}

bool is_ours(const Mbuf& message) {
    std::size_t at = 0;
    bool same = true;
    message.for_each_segment([&](std::span<const std::byte> piece) {
        for (const std::byte b : piece) {
            if (at >= sizeof(IcmpHeader)) {
                same = same && b == static_cast<std::byte>(at - sizeof(IcmpHeader));
            }
            ++at;
        }
    });
    return same;
}

}  // namespace

bool ping_reply(LockedNet& net, const Mbuf& message, const IpInfo& ip) {
    const IcmpHeader header = *header_at<IcmpHeader>(message.front());
    PingSlot* slot = find(net, header, ip.source);
    if (slot == nullptr) return false;
    net.wake(slot->answered);
    return slot->answers.push({.sequence = header.sequence.host(),
                               .ttl = ip.ttl,
                               .bytes = message.size() - static_cast<std::uint32_t>(sizeof header),
                               .intact = is_ours(message),
                               .at = net.now()});
}

void ping_icmp_error(LockedNet& net, Ipv4 target, std::span<const std::byte, 8> quoted) {
    const IcmpHeader& header = *header_at<IcmpHeader>(std::span<const std::byte>{quoted});
    if (header.type != static_cast<std::uint8_t>(IcmpType::echo)) return;
    PingSlot* slot = find(net, header, target);
    if (slot == nullptr) return;
    ++net.stats.icmp_errors_in;
    slot->failed = true;
    net.wake(slot->answered);
}

Pinger::~Pinger() { CHECK(slot_ == nullptr); }

bool Pinger::open(Net& net, ThreadContext& self, Ipv4 target) {
    NetGuard guard{net, self};
    for (PingSlot& slot : guard->ping.slots) {
        if (slot.used) continue;
        slot.used = true;
        slot.failed = false;
        slot.id = guard->random.next_u16();
        slot.target = target;
        net_ = &net;
        slot_ = &slot;
        return true;
    }
    return false;
}

Status<UdpError> Pinger::send(ThreadContext& self, std::uint16_t sequence, std::size_t bytes) {
    if (slot_ == nullptr) return UdpError::closed;
    if (bytes > kPingBytesMax) return UdpError::too_big;
    NetGuard guard{*net_, self};
    Mbuf message = make_data(guard->pool, bytes);
    if (!message) return UdpError::no_memory;
    auto& header = *header_at<IcmpHeader>(message.writable_front());
    header = IcmpHeader{.type = static_cast<std::uint8_t>(IcmpType::echo),
                        .code = 0,
                        .checksum = {},
                        .id = Be16{slot_->id},
                        .sequence = Be16{sequence}};
    Checksum sum;
    sum.add(message);
    header.checksum = Be16{sum.finish()};
    const IpSend send{.source = {},
                      .destination = slot_->target,
                      .protocol = IpProtocol::icmp,
                      .dont_fragment = false};
    if (!ip_output(*guard, send, std::move(message))) return UdpError::unreachable;
    return ok;
}

Result<PingAnswer, UdpError> Pinger::receive(ThreadContext& self, Instant deadline) {
    if (slot_ == nullptr) return UdpError::closed;
    NetGuard guard{*net_, self};
    for (;;) {
        if (!slot_->answers.empty()) return slot_->answers.pop();
        if (std::exchange(slot_->failed, false)) return UdpError::unreachable;
        if (guard->now() >= deadline) return UdpError::timed_out;
        static_cast<void>(guard.wait(slot_->answered, deadline));  // found by looking again
    }
}

void Pinger::close(ThreadContext& self) {
    if (slot_ == nullptr) return;
    NetGuard guard{*net_, self};
    slot_->answers.clear();
    slot_->used = false;
    slot_ = nullptr;
}

Result<MacAddress, UdpError> arp_ping(Net& net, ThreadContext& self, Ipv4 target,
                                      Instant deadline) {
    NetGuard guard{net, self};
    if (!guard->interface.on_link(target) || guard->interface.is_own(target)) {
        return UdpError::unreachable;
    }
    arp_ask(*guard, target);
    for (;;) {
        const ArpEntry* entry = guard->arp.find(target);
        if (entry != nullptr && entry->state == ArpEntry::State::reachable) return entry->mac;
        if (guard->now() >= deadline) return UdpError::timed_out;
        static_cast<void>(guard.wait(guard->arp.answered(), deadline));
    }
}

}  // namespace kyu::net
