// Interface: the one network interface, its address, and the road to ourselves.
//
// Ownership refers to the Link; owns the packets this host has sent to itself.
// Lock      the network lock.
// Rules     an address of 0.0.0.0 means "none": nothing but DHCP is sent or received then.
#pragma once

#include <cstdint>

#include "net/ip_address.hpp"
#include "net/link.hpp"
#include "net/packet/packet_queue.hpp"
#include "net/wait_point.hpp"

namespace kyu::net {

class LockedNet;

/// Where the address in use came from; `conflict`: there was one, and another host has it.
enum class AddressSource : std::uint8_t { none, fixed, dhcp, fallback, conflict };
[[nodiscard]] const char* to_text(AddressSource source);

inline constexpr std::size_t kLoopbackPacketsMax = 64;

struct ArpEntry;

/// The road of the last packet that went to a neighbour, good while nothing about it changes.
struct UsualRoad {
    Ipv4 destination{};
    Ipv4 next_hop{};
    ArpEntry* neighbour{nullptr};  ///< nullptr: none; reachable and still of next_hop, or look anew
};

struct Interface {
    Link& link;
    MacAddress mac{};
    std::uint16_t mtu{1500};         ///< bytes of IP packet
    bool transmit_checksums{false};  ///< the link completes checksums
    Ipv4 address{};
    std::uint8_t prefix_bits{0};
    Ipv4 gateway{};  ///< any: none
    AddressSource source{AddressSource::none};
    WaitPoint changed{"net address"};  ///< woken whenever the address changes
    PacketQueue<kLoopbackPacketsMax> loopback{};
    Instant poll_at{};  ///< when the link wants to be looked at
    bool link_was_up{false};
    UsualRoad usual_road{};
    Ipv4 usual_source{};  ///< of the last packet: known to be a possible one while we keep ours

    explicit Interface(Link& link_in) : link(link_in) {}

    /// Reads what never changes from the link, once it is initialised.
    void attach() {
        mac = link.mac();
        mtu = link.mtu();
        transmit_checksums = link.transmit_checksums();
    }

    [[nodiscard]] std::uint32_t mask() const {
        return prefix_bits == 0 ? 0 : ~std::uint32_t{0} << (32U - prefix_bits);
    }
    [[nodiscard]] bool has_address() const { return !address.is_any(); }
    [[nodiscard]] bool is_own(Ipv4 a) const { return a == address && has_address(); }
    [[nodiscard]] bool on_link(Ipv4 a) const {
        return has_address() && ((a.host ^ address.host) & mask()) == 0;
    }
    /// Limited broadcast, or the broadcast address of our network (RFC 1122 §3.2.1.3), of ones or,
    /// as some still have it, of zeros (§3.3.6). A /31 has none (RFC 3021), nor has a /32.
    [[nodiscard]] bool is_broadcast(Ipv4 a) const {
        if (a.is_limited_broadcast()) return true;
        const std::uint32_t host_part = a.host & ~mask();
        return has_address() && prefix_bits < 31 && on_link(a) &&
               (host_part == ~mask() || host_part == 0);
    }
};

/// Gives the interface an address, or none. Connections from the old one are aborted, ARP starts
/// anew and announces the new one, threads that wait for `changed` are woken.
void set_address(LockedNet& net, Ipv4 address, std::uint8_t prefix_bits, Ipv4 gateway,
                 AddressSource source);

}  // namespace kyu::net
