// IPv4 fragments (RFC 791 §3.2, RFC 815): datagrams put together, and taken apart.
//
// Lock      the network lock.
// Ownership a datagram under reassembly owns its fragments; they are freed when it is whole, has
//           timed out, was killed or had to make room.
// Time      one deadline a datagram, kReassemblyPatience after its first fragment.
// Limits    datagrams, fragments of each, and the pool memory of all of them; what does not fit
//           costs the oldest datagram. Every loss is counted.
// Rules     RFC 5722's rule, for IPv4 too: a fragment that overlaps another kills the datagram, and
//           its late fragments find it dead. RFC 1858, RFC 3128: the first fragment carries the
//           whole transport header, and no other reaches into it.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.hpp"
#include "net/ip.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

/// Datagrams under reassembly at once: what a few peers can have on their way to one host.
inline constexpr std::size_t kReassembliesMax = 16;
/// Fragments of one datagram: 65,535 bytes over Ethernet are 45, and a little less an MTU is room.
inline constexpr std::size_t kFragmentsMax = 64;
/// Pool memory of all fragments: four of the largest datagrams, each fragment in its own cluster.
inline constexpr std::uint32_t kReassemblyMemoryMax =
    4 * 46 * static_cast<std::uint32_t>(kClusterBytes + kSegmentBytes);
inline constexpr Duration kReassemblyPatience = Duration::from_s(30);
/// No IPv4 packet is longer.
inline constexpr std::size_t kIpPacketMax = 65535;

/// Where a fragment lies in its datagram's payload, bytes.
struct FragmentPlace {
    std::size_t header_bytes{};
    std::uint32_t first{};
    std::uint32_t end{};
    std::uint16_t id{};
    bool more{false};
};

class Reassembly {
    struct Piece {
        std::uint32_t first;
        std::uint32_t end;
        Mbuf packet;  ///< the first with its IP header, the others without
    };
    struct Datagram {
        bool used{false};
        bool dead{false};  ///< killed: remembered so that its late fragments do not begin it anew
        bool congested{false};  ///< RFC 3168 §5.3: a CE mark on one is a CE mark on all
        std::uint16_t id{};
        IpInfo ip{};
        Instant deadline{};
        std::uint32_t bytes{0};   ///< payload that has come
        std::uint32_t total{0};   ///< payload of the whole datagram; 0: not known
        std::uint32_t memory{0};  ///< what its fragments pin
        std::uint32_t count{0};
        std::array<Piece, kFragmentsMax> pieces{};  ///< in order, no two overlap
    };
    std::array<Datagram, kReassembliesMax> datagrams_{};
    std::uint32_t memory_{0};
    Instant next_{Instant::never()};

    friend struct ReassemblySteps;

public:
    [[nodiscard]] std::uint32_t memory() const { return memory_; }
    [[nodiscard]] std::size_t datagrams() const;
    /// When reassembly_timers() must run next; O(1), may be earlier than needed.
    [[nodiscard]] Instant next_deadline() const { return next_; }
};

/// Takes a fragment, which still begins with its IP header. Returns the whole datagram when this
/// was the last that it needed, with the first fragment's IP header and `ip` as that has it;
/// otherwise an empty packet.
[[nodiscard]] Mbuf reassemble(LockedNet& net, Mbuf fragment, const FragmentPlace& place,
                              IpInfo& ip);
void reassembly_timers(LockedNet& net);

/// Sends a packet that is larger than the MTU, whose IP header is made, in fragments.
[[nodiscard]] Status<SendError> ip_fragment(LockedNet& net, const MacAddress& to, Mbuf&& packet);
/// Sends a packet of any size to a neighbour (arp_output.cpp).
[[nodiscard]] Status<SendError> ip_to_link(LockedNet& net, const MacAddress& to, Mbuf&& packet);

}  // namespace kyu::net
