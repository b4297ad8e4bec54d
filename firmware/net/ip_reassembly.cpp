// Reassembly of IPv4 datagrams.
//
// Lock      the network lock.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "net/ip_fragment.hpp"
#include "net/net.hpp"
#include "net/wire/ipv4.hpp"

namespace kyu::net {

struct ReassemblySteps {
    using Datagram = Reassembly::Datagram;
    using Piece = Reassembly::Piece;

    static void free_pieces(Reassembly& r, Datagram& d) {
        for (std::uint32_t i = 0; i < d.count; ++i) d.pieces[i].packet = Mbuf{};
        r.memory_ -= d.memory;
        d.memory = d.count = d.bytes = d.total = 0;
    }

    static void release(Reassembly& r, Datagram& d) {
        free_pieces(r, d);
        d.used = false;
    }

    static Mbuf kill(LockedNet& net, Datagram& d, Drop reason) {
        net.stats.count(reason);
        free_pieces(net.reassembly, d);
        d.dead = true;
        return {};
    }

    /// RFC 1858 §3, RFC 3128 §3: what hides a transport header from whoever filters by it.
    static Status<Drop> check_place(const FragmentPlace& at, const IpInfo& ip) {
        const std::uint32_t size = at.end - at.first;
        if (at.end > kIpPacketMax - at.header_bytes) return Drop::ip_fragment_overflow;
        if (size == 0 || (at.more && size % 8 != 0)) return Drop::ip_fragment_size;
        constexpr std::uint32_t kTcpHeader = 20;
        if (ip.protocol == IpProtocol::tcp &&
            (at.first == 0 ? size < kTcpHeader : at.first < kTcpHeader)) {
            return Drop::ip_fragment_tiny;
        }
        return ok;
    }

    /// Room for a new datagram or for more memory: what was killed goes first, then the oldest.
    static Datagram* victim(Reassembly& r, const Datagram* keep) {
        Datagram* found = nullptr;
        for (Datagram& d : r.datagrams_) {
            if (!d.used || &d == keep || (keep != nullptr && d.memory == 0)) continue;
            const bool better = found == nullptr || (d.dead && !found->dead) ||
                                (d.dead == found->dead && d.deadline < found->deadline);
            if (better) found = &d;
        }
        return found;
    }

    static Datagram& find_or_begin(LockedNet& net, const FragmentPlace& at, const IpInfo& ip) {
        Reassembly& r = net.reassembly;
        Datagram* unused = nullptr;
        for (Datagram& d : r.datagrams_) {
            if (!d.used) {
                unused = &d;
            } else if (d.id == at.id && d.ip.source == ip.source &&
                       d.ip.destination == ip.destination && d.ip.protocol == ip.protocol) {
                return d;
            }
        }
        if (unused == nullptr) {
            unused = victim(r, nullptr);
            if (!unused->dead) net.stats.count(Drop::ip_reassembly_evicted);
            release(r, *unused);
        }
        unused->used = true;
        unused->dead = unused->congested = false;
        unused->id = at.id;
        unused->ip = ip;
        unused->deadline = net.now() + kReassemblyPatience;
        r.next_ = std::min(r.next_, unused->deadline);
        return *unused;
    }

    static bool make_room(LockedNet& net, const Datagram& d, std::uint32_t memory) {
        Reassembly& r = net.reassembly;
        while (r.memory_ + memory > kReassemblyMemoryMax) {
            Datagram* oldest = victim(r, &d);
            if (oldest == nullptr) return false;
            net.stats.count(Drop::ip_reassembly_evicted);
            release(r, *oldest);
        }
        return true;
    }

    /// Whether the datagram's end, as far as it is known, fits this fragment.
    static bool end_agrees(Datagram& d, const FragmentPlace& at) {
        if (at.more) return d.total == 0 || at.end < d.total;
        if (d.total != 0) return at.end == d.total;
        if (d.count != 0 && d.pieces[d.count - 1].end > at.end) return false;
        d.total = at.end;
        return true;
    }

    static Mbuf insert(LockedNet& net, Datagram& d, Mbuf packet, const FragmentPlace& at) {
        std::uint32_t place = d.count;
        while (place > 0 && d.pieces[place - 1].first > at.first) --place;
        const Piece* before = place > 0 ? &d.pieces[place - 1] : nullptr;
        if (before != nullptr && before->first == at.first && before->end == at.end) {
            net.stats.count(Drop::ip_fragment_duplicate);
            return {};
        }
        const bool overlaps = (before != nullptr && before->end > at.first) ||
                              (place < d.count && d.pieces[place].first < at.end);
        if (overlaps || !end_agrees(d, at)) return kill(net, d, Drop::ip_fragment_overlap);
        if (d.count == kFragmentsMax) return kill(net, d, Drop::ip_fragment_many);
        const std::uint32_t memory = packet.memory();
        if (!make_room(net, d, memory)) return kill(net, d, Drop::ip_reassembly_full);
        const auto first = d.pieces.begin();
        std::move_backward(first + place, first + d.count, first + d.count + 1);
        if (at.first != 0) packet.trim_front(at.header_bytes);
        d.pieces[place] = Piece{at.first, at.end, std::move(packet)};
        ++d.count;
        d.bytes += at.end - at.first;
        d.memory += memory;
        net.reassembly.memory_ += memory;
        return {};
    }

    static Mbuf join(LockedNet& net, Datagram& d, IpInfo& ip) {
        Mbuf whole;
        for (std::uint32_t i = 0; i < d.count; ++i) whole.append(std::move(d.pieces[i].packet));
        ip = d.ip;
        if (d.congested) ip.tos |= 3U;
        release(net.reassembly, d);
        ++net.stats.ip_reassembled;
        return whole;
    }

    static Mbuf take(LockedNet& net, Mbuf packet, const FragmentPlace& at, IpInfo& ip) {
        const auto placed = check_place(at, ip);
        if (!placed) {
            net.stats.count(placed.error());
            return {};
        }
        Datagram& d = find_or_begin(net, at, ip);
        if (d.dead) {
            net.stats.count(Drop::ip_fragment_dead);
            return {};
        }
        if ((ip.tos & 3U) == 3U) d.congested = true;
        if (at.first == 0 && d.count != 0 && d.pieces[0].first != 0) {
            d.ip = ip;  // what the first fragment's header says is what the transport is told
        }
        static_cast<void>(insert(net, d, std::move(packet), at));
        return d.total != 0 && d.bytes == d.total ? join(net, d, ip) : Mbuf{};
    }

    static void expire(LockedNet& net, Datagram& d) {
        if (!d.dead) {
            net.stats.count(Drop::ip_reassembly_timeout);
            // RFC 1122 §3.3.2: told only when the fragment that names the ports has come.
            constexpr std::uint8_t kReassemblyTime = 1;
            if (d.count != 0 && d.pieces[0].first == 0) {
                icmp_error(net, {IcmpType::time_exceeded, kReassemblyTime}, d.pieces[0].packet,
                           d.ip);
            }
        }
        release(net.reassembly, d);
    }

    static void timers(LockedNet& net) {
        Reassembly& r = net.reassembly;
        r.next_ = Instant::never();
        for (Datagram& d : r.datagrams_) {
            if (!d.used) continue;
            if (d.deadline <= net.now()) {
                expire(net, d);
            } else {
                r.next_ = std::min(r.next_, d.deadline);
            }
        }
    }
};

std::size_t Reassembly::datagrams() const {
    return static_cast<std::size_t>(std::count_if(datagrams_.begin(), datagrams_.end(),
                                                  [](const Datagram& d) { return d.used; }));
}

Mbuf reassemble(LockedNet& net, Mbuf fragment, const FragmentPlace& place, IpInfo& ip) {
    return ReassemblySteps::take(net, std::move(fragment), place, ip);
}

void reassembly_timers(LockedNet& net) {
    if (net.now() >= net.reassembly.next_deadline()) ReassemblySteps::timers(net);
}

}  // namespace kyu::net
