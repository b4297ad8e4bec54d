// IGMPv2 (RFC 2236): which multicast groups this host is in, told to the routers.
//
// Lock      the network lock.
// Time      a query is answered after a random part of the time it allows, unless another host
//           answers first; a join is told at once and once more within kIgmpRepeat.
// Limits    kIgmpGroups; a group is joined as often as somebody asks and left with the last.
// Rules     every message carries the router alert option and a TTL of 1 (RFC 2236 §2). A router
//           that speaks version 3 hears version 2 reports, as RFC 3376 §7.3 provides.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.hpp"
#include "net/ip.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

class LockedNet;

inline constexpr std::size_t kIgmpGroups = 8;
/// RFC 2236 §8.10: unsolicited report interval.
inline constexpr Duration kIgmpRepeat = Duration::from_s(10);

struct IgmpGroup {
    Ipv4 address{};  ///< any: free
    std::uint16_t users{0};
    bool reported_last{false};  ///< nobody else has reported since: the leave is ours to tell
    Instant report_at{Instant::never()};
};

struct IgmpState {
    std::array<IgmpGroup, kIgmpGroups> groups{};
    Instant next{Instant::never()};

    [[nodiscard]] bool is_member(Ipv4 group) const;
    /// Whether frames to this group address may be for us.
    [[nodiscard]] bool wants(const MacAddress& group) const;
};

/// False: the table is full.
[[nodiscard]] bool igmp_join(LockedNet& net, Ipv4 group);
void igmp_leave(LockedNet& net, Ipv4 group);
/// A received message, IP header taken off.
void igmp_input(LockedNet& net, Mbuf message, const IpInfo& ip);
void igmp_timers(LockedNet& net);
/// The address or the network has changed: all memberships are told anew.
void igmp_report_all(LockedNet& net);

}  // namespace kyu::net
