// ARP (RFC 826, RFC 5227): which MAC address an on-link IPv4 address has.
//
// Lock      the network lock.
// Ownership an entry owns the packets that wait for its answer, kArpHeldMax at most; they are freed
//           when the answer does not come or the entry is needed for another address.
// Time      deadlines; the net thread runs arp_timers(). A question is asked kArpTries times, one
//           second apart.
// Rules     Nothing is believed that was not asked for: a reply changes only an entry that waits
//           for one; a request makes an entry only when it is addressed to us, and changes none: a
//           neighbour that says another MAC address is asked.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/ip.hpp"
#include "net/ip_address.hpp"
#include "net/packet/packet_queue.hpp"
#include "net/rate_limit.hpp"
#include "net/wait_point.hpp"

namespace kyu::net {

class LockedNet;

inline constexpr std::size_t kArpEntries = 64;
inline constexpr std::size_t kArpHeldMax = 4;
/// Datagrams beyond one cluster that wait, over all entries: the largest pin 46 clusters each.
inline constexpr std::size_t kArpLargeHeldMax = 4;
inline constexpr unsigned kArpTries = 3;
inline constexpr Duration kArpRetry = Duration::from_s(1);
/// How long an answer is good; after that it is still used while it is asked for again.
inline constexpr Duration kArpFresh = Duration::from_s(120);
/// An entry nobody has used for so long is given up.
inline constexpr Duration kArpIdle = Duration::from_s(600);
/// One that others made us keep, by asking, is given up unless it is used: a flood of askers leaves
/// nothing for longer than that.
inline constexpr Duration kArpUnused = Duration::from_s(40);
/// How long a host that did not answer is taken for absent.
inline constexpr Duration kArpAbsent = Duration::from_s(3);
/// RFC 5227 §2.4: DEFEND_INTERVAL.
inline constexpr Duration kArpDefend = Duration::from_s(10);

struct ArpEntry {
    enum class State : std::uint8_t {
        unused,
        incomplete,  ///< asked, no answer yet: packets wait
        reachable,   ///< answered not long ago
        stale,       ///< usable; asked for again from its next use on
        absent       ///< did not answer
    };
    Ipv4 address{};
    MacAddress mac{};
    State state{State::unused};
    bool wanted{false};  ///< this host has sent to it: it outlives entries that others made us keep
    std::uint8_t tries{0};
    Instant deadline{Instant::never()};
    Instant used{};
    PacketQueue<kArpHeldMax> held{};
};
[[nodiscard]] const char* to_text(ArpEntry::State state);

class ArpCache {
    std::array<ArpEntry, kArpEntries> entries_{};
    std::size_t recent_{0};  // most packets go where the last one went
    Instant next_{Instant::never()};
    WaitPoint answered_{"arp answer"};
    RateLimit probe_answers_{Duration::from_s(1), 1};
    RateLimit doubts_{Duration::from_s(1), 4};

    friend void arp_timers(LockedNet& net);
    friend Instant arp_next_deadline(const LockedNet& net);
    friend void arp_announce(LockedNet& net);
    friend void arp_ask(LockedNet& net, Ipv4 address);
    friend void arp_flush(LockedNet& net);
    friend struct ArpSteps;

public:
    [[nodiscard]] const std::array<ArpEntry, kArpEntries>& entries() const { return entries_; }
    /// The entry for `address`, or nullptr. O(kArpEntries), usually O(1).
    [[nodiscard]] ArpEntry* find(Ipv4 address);
    /// Woken whenever somebody has answered.
    [[nodiscard]] WaitPoint& answered() { return answered_; }
};

/// Sends an IP packet to the on-link address `next_hop`, now or when it has answered.
[[nodiscard]] Status<SendError> arp_output(LockedNet& net, Ipv4 next_hop, Mbuf&& packet);
/// A received ARP packet, Ethernet header taken off.
void arp_input(LockedNet& net, Mbuf&& packet);
void arp_timers(LockedNet& net);
/// O(1); may be earlier than needed.
[[nodiscard]] Instant arp_next_deadline(const LockedNet& net);
/// Tells the network our address (RFC 5227 §2.3).
void arp_announce(LockedNet& net);
/// Asks whether somebody has `address`, which is not ours yet (RFC 5227 §2.1.1).
void arp_probe(LockedNet& net, Ipv4 address);
/// Asks `address` now, whatever is known of it; its entry becomes reachable when it answers.
void arp_ask(LockedNet& net, Ipv4 address);
/// Forgets everything: the address has changed.
void arp_flush(LockedNet& net);

}  // namespace kyu::net
