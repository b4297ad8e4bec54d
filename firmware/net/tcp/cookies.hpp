// SynCookies: half-open connections that cost no memory, for when the SYN cache is full
// (RFC 4987 §3.6; the layout is ours).
//
// Rules     The initial sequence number of a cookie SYN-ACK is a keyed hash of tuple, peer's
//           number and the period, with the period and an index of MSS in its low bits; options
//           that were agreed on ride in the low bits of our timestamp. Both come back with the
//           handshake's last ACK. A secret serves for one period and is believed for one more.
//           Cookies are looked at only while there may be any: at other times a stray ACK is reset.
// Lock      the network lock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "net/random.hpp"
#include "net/tcp/negotiated.hpp"
#include "net/tcp/segment.hpp"

namespace kyu::net {

class SynCookies {
    static constexpr Duration kPeriod = Duration::from_s(64);
    std::array<std::uint64_t, 2> secrets_{};
    std::uint64_t period_{0};
    Instant last_made_{};
    bool any_{false};

    void turn(Random& random, Instant now);
    [[nodiscard]] std::uint32_t hash(const Random& random, const FourTuple& tuple, SeqNum irs,
                                     std::uint32_t low, std::uint64_t period) const;

public:
    struct Offer {
        SeqNum iss;
        std::uint16_t mss;  ///< what the cookie remembers of it
    };
    /// The number of a SYN-ACK to a peer whose SYN was `irs`.
    Offer make(Random& random, const FourTuple& tuple, SeqNum irs, std::uint16_t mss, Instant now);
    /// The MSS of the cookie that `ack` acknowledges; nothing when it is none of ours.
    [[nodiscard]] std::optional<std::uint16_t> check(Random& random, const FourTuple& tuple,
                                                     SeqNum irs, SeqNum ack, Instant now);

    /// A timestamp a little before `clock` that carries what was agreed on.
    [[nodiscard]] static std::uint32_t stamp(std::uint32_t clock, const Negotiated& agreed);
    /// What the echo of such a timestamp says.
    [[nodiscard]] static Negotiated read_stamp(std::uint32_t echo, std::uint8_t our_scale);
};

}  // namespace kyu::net
