// Stats: what the stack counts.
//
// Rules     Every reason to drop something is a name of Drop, every name is a counter, every
//           counter a row of `netstat`. A new reason is a new line of KYU_DROPS and nothing else.
// Lock      the network lock.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.hpp"

namespace kyu::net {

// The list is a macro so that a name and its row can never part.
#define KYU_DROPS(X)                                                                      \
    X(ether_short)      /* shorter than an Ethernet header */                             \
    X(ether_foreign)    /* unicast to somebody else */                                    \
    X(ether_own)        /* our own MAC address as the source */                           \
    X(ether_type)       /* a type this host does not speak: IPv6, VLAN, … */              \
    X(ether_llc)        /* IEEE 802.3 length field: LLC frames */                         \
    X(arp_short)        /* cut inside the packet */                                       \
    X(arp_format)       /* not Ethernet and IPv4, or another operation */                 \
    X(arp_bad_sender)   /* group or zero hardware address, impossible IP address */       \
    X(arp_not_for_us)   /* asks for somebody else */                                      \
    X(arp_unsolicited)  /* a reply that nobody asked for */                               \
    X(arp_conflict)     /* somebody claims our address */                                 \
    X(arp_hold_full)    /* too many packets wait for one address */                       \
    X(arp_no_answer)    /* the held packet's next hop never answered */                   \
    X(arp_unreachable)  /* the next hop did not answer a moment ago */                    \
    X(arp_evicted)      /* the held packet's entry was needed for another */              \
    X(ip_short)         /* fewer than 20 bytes */                                         \
    X(ip_version)       /* not 4 */                                                       \
    X(ip_header_length) /* IHL < 5, or longer than the packet */                          \
    X(ip_total_length)  /* shorter than the header or longer than the frame */            \
    X(ip_checksum)                                                                        \
    X(ip_bad_source)        /* a source no sender can have */                             \
    X(ip_bad_destination)   /* loopback or zero on the wire */                            \
    X(ip_not_ours)          /* for another host: this one does not forward */             \
    X(ip_source_route)      /* RFC 7126 §4.3: not followed, not accepted */               \
    X(ip_option)            /* an option's length makes no sense */                       \
    X(ip_fragment_overflow) /* offset + length beyond 65,535 */                           \
    X(ip_fragment_size)     /* of nothing, or not of eights before the last */            \
    X(ip_fragment_df)       /* of a datagram that was not to be cut */                    \
    X(ip_fragment_tiny)     /* hides a part of the TCP header (RFC 1858) */               \
    X(ip_fragment_duplicate)                                                              \
    X(ip_fragment_overlap)   /* the datagram is killed */                                 \
    X(ip_fragment_many)      /* of one datagram: it is killed */                          \
    X(ip_fragment_dead)      /* of a datagram that was killed */                          \
    X(ip_reassembly_timeout) /* the rest did not come in 30 s */                          \
    X(ip_reassembly_evicted) /* the oldest gave way to a newer */                         \
    X(ip_reassembly_full)    /* one datagram wants all the memory */                      \
    X(ip_protocol)           /* no such protocol here */                                  \
    X(in_no_memory)          /* no segment to make a header contiguous */                 \
    X(icmp_short)                                                                         \
    X(icmp_checksum)                                                                      \
    X(icmp_broadcast)    /* echo to a group address is not answered */                    \
    X(icmp_type)         /* a type this host has no use for */                            \
    X(icmp_unsolicited)  /* a reply that nobody asked for */                              \
    X(icmp_bad_quote)    /* an error that quotes less than a header, or not our packet */ \
    X(icmp_rate_limited) /* our own errors, held back */                                  \
    X(udp_short)                                                                          \
    X(udp_length) /* length field < 8 or beyond the IP payload */                         \
    X(udp_checksum)                                                                       \
    X(udp_port)       /* nobody listens */                                                \
    X(udp_queue_full) /* the reader is too slow */                                        \
    X(udp_foreign)    /* not from whom the socket is connected to, or not its group */    \
    X(igmp_short)                                                                         \
    X(igmp_checksum)                                                                      \
    X(igmp_type)       /* not a query, a report or a leave */                             \
    X(igmp_bad_group)  /* not a multicast address, or not sent where it must be */        \
    X(dns_malformed)   /* an answer that is cut, loops or lies about lengths */           \
    X(dns_foreign)     /* an answer to another question */                                \
    X(tftp_malformed)  /* too short, or of no kind that a server sends */                 \
    X(tftp_foreign)    /* another transfer's port (RFC 1350 §4) */                        \
    X(tftp_duplicate)  /* a block that has been taken already */                          \
    X(dhcp_malformed)  /* cut, no cookie, options past the end */                         \
    X(dhcp_not_ours)   /* another client's transaction or hardware address */             \
    X(dhcp_unexpected) /* a message the state has no use for */                           \
    X(dhcp_bad_offer)  /* no server, no lease, impossible address or mask */              \
    X(loopback_full)   /* packets to ourselves, faster than we take them */               \
    X(out_no_route)                                                                       \
    X(out_no_memory)                                                                      \
    X(out_link_down)                                                                      \
    X(out_ring_full)                                                                      \
    X(out_fragment) /* the rest of a datagram whose fragments would not go */             \
    X(out_too_big)                                                                        \
    X(out_no_address)

enum class Drop : std::uint8_t {
#define KYU_DROP_NAME(name) name,
    KYU_DROPS(KYU_DROP_NAME)
#undef KYU_DROP_NAME
};

#define KYU_DROP_ONE(name) +1
inline constexpr std::size_t kDropReasons = 0 KYU_DROPS(KYU_DROP_ONE);
#undef KYU_DROP_ONE

/// The row's name in `netstat`, as written in Drop.
[[nodiscard]] std::string_view to_text(Drop reason);

/// How long the network lock was held at a time (bsd-pitfalls A10).
class HoldStats {
public:
    static constexpr std::size_t kRows = 20;  ///< row n: less than 2^n us; the last: whatever more

private:
    std::array<std::uint32_t, kRows> rows_{};
    Duration longest_{};
    std::uintptr_t taken_at_{0};

public:
    void add(Duration held, std::uintptr_t taken_at) {
        const auto us = static_cast<std::uint32_t>(held.us());
        ++rows_[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(us)), kRows - 1)];
        if (held > longest_) {
            longest_ = held;
            taken_at_ = taken_at;
        }
    }
    [[nodiscard]] const std::array<std::uint32_t, kRows>& rows() const { return rows_; }
    [[nodiscard]] Duration longest() const { return longest_; }
    /// Where the lock was taken for the longest hold.
    [[nodiscard]] std::uintptr_t taken_at() const { return taken_at_; }
    void clear() { *this = HoldStats{}; }
};

class Stats {
    std::array<std::uint64_t, kDropReasons> drops_{};

public:
    std::uint64_t ether_in{};
    std::uint64_t arp_in{};
    std::uint64_t arp_requests_out{};
    std::uint64_t arp_replies_out{};
    std::uint64_t ip_in{};
    std::uint64_t ip_out{};
    std::uint64_t ip_reassembled{};
    std::uint64_t ip_fragments_out{};
    std::uint64_t loopback{};
    std::uint64_t icmp_in{};
    std::uint64_t icmp_echoes_answered{};
    std::uint64_t icmp_errors_out{};
    std::uint64_t icmp_errors_in{};  ///< that named one of our UDP ports or pings
    std::uint64_t igmp_reports_out{};
    std::uint64_t arp_addresses_lost{};  ///< given up, since another host has them
    std::uint64_t udp_in{};
    std::uint64_t udp_out{};
    HoldStats holds;  ///< of the network lock

    void count(Drop reason) { ++drops_[static_cast<std::size_t>(reason)]; }
    [[nodiscard]] std::uint64_t drops(Drop reason) const {
        return drops_[static_cast<std::size_t>(reason)];
    }
    [[nodiscard]] std::uint64_t drops_in_all() const;
};

}  // namespace kyu::net
