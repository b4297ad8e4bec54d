// AddressClaim: IPv4 address conflict detection (RFC 5227).
//
// Lock      the network lock.
// Rules     An address that a server gives is probed before it is used. One that was configured is
//           used at once, since whoever waits for the board should not wait for seconds; it is
//           announced and probed meanwhile, and until the claim is over a conflict costs it without
//           a defence: the other host was there first. Later it is defended, once in kArpDefend and
//           for ever (§2.4 (c)); a leased one that carries no connection is lost at a second
//           conflict within that time (§2.4 (b)), since the server has others.
//           A lost address is asked for again after kClaimAgain; one from a server is declined.
// Time      deadlines. The probes are closer together than RFC 5227's (1 to 2 s): on one switched
//           segment an answer comes within milliseconds.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "net/ip_address.hpp"

namespace kyu::net {

class LockedNet;

inline constexpr unsigned kProbes = 3;
inline constexpr Duration kProbeGapMin = Duration::from_ms(100);
inline constexpr Duration kProbeGapMax = Duration::from_ms(200);
/// RFC 5227 §1.1: ANNOUNCE_INTERVAL.
inline constexpr Duration kAnnounceGap = Duration::from_s(2);
/// Between the loss of a configured address and the next try to have it.
inline constexpr Duration kClaimAgain = Duration::from_s(60);

struct AddressClaim {
    enum class State : std::uint8_t {
        idle,
        probing,     ///< `address` is not in use yet
        claiming,    ///< in use, probed meanwhile
        announcing,  ///< the second announcement is due
        lost         ///< given up: tried again later
    };
    State state{State::idle};
    bool wanted{true};  ///< a configured address is claimed, not only announced
    std::uint8_t probes{0};
    Instant next{Instant::never()};
    Instant last_conflict{};
    bool had_conflict{false};
    Ipv4 address{};  ///< that is probed, or was lost
    std::uint8_t prefix_bits{0};
    Ipv4 gateway{};
    MacAddress other{};  ///< who has it
};

/// The interface has a new address, or a new network: announces it and asks who has it too.
void address_claim(LockedNet& net);
/// Asks for `address`, which is not in use yet; dhcp_probed() is told how it went.
void address_probe(LockedNet& net, Ipv4 address);
/// Stops asking.
void address_claim_stop(LockedNet& net);
/// An ARP packet from `who` that has, or wants, `address`. True: it conflicts with ours.
bool address_conflict(LockedNet& net, Ipv4 sender, Ipv4 target, const MacAddress& who);
void address_claim_timer(LockedNet& net);

}  // namespace kyu::net
