// Negotiated: what both SYNs of a connection agreed on (RFC 7323, RFC 2018, RFC 3168).
//
// Rules     An option is used only when both SYNs carried it. A half-open record, a connection and
//           a TIME-WAIT hold one each, and hand it on.
// Context   any. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "net/tcp/config.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/settings.hpp"

namespace kyu::net {

/// NOP NOP and a timestamps option: what each segment carries, and its payload is shorter by.
inline constexpr std::uint32_t kTimestampBytes = 12;

struct Negotiated {
    bool timestamps{false};
    bool scaling{false};
    bool sack{false};
    bool ecn{false};
    std::uint8_t snd_scale{0};   ///< of the windows that the peer sends
    std::uint8_t rcv_scale{0};   ///< of the windows that we send
    std::uint32_t ts_offset{0};  ///< our clock is the host's and this: it tells no uptime
    std::uint32_t ts_recent{0};  ///< TS.Recent: what we echo
    /// Bytes of options on every segment with data (RFC 6691 §3: the MSS option does not know).
    [[nodiscard]] std::uint32_t option_bytes() const { return timestamps ? kTimestampBytes : 0; }
};

/// The shift that lets a 16-bit field tell a window of `bytes` (RFC 7323 §2.3).
[[nodiscard]] constexpr std::uint8_t scale_for(std::uint32_t bytes) {
    std::uint8_t shift = 0;
    while (shift < 14 && (bytes >> shift) > UINT16_MAX) ++shift;
    return shift;
}
static_assert(scale_for(65535) == 0 && scale_for(65536) == 1 && scale_for(UINT32_MAX) == 14);

/// The shift that our SYN offers.
[[nodiscard]] constexpr std::uint8_t our_scale(const TcpSettings& ours) {
    return std::max(scale_for(ours.receive_bytes), ours.scale_at_least);
}

/// What a SYN's options give, together with what ours offer.
[[nodiscard]] inline Negotiated negotiate(const TcpOptions& theirs, const TcpSettings& ours) {
    Negotiated n;
    n.timestamps = theirs.has_timestamps && ours.offer_timestamps;
    n.ts_recent = theirs.timestamp_value;
    n.sack = theirs.sack_permitted && ours.offer_sack;
    n.scaling = theirs.has_window_scale && ours.offer_scaling;
    n.snd_scale = n.scaling ? theirs.window_scale : std::uint8_t{0};
    n.rcv_scale = n.scaling ? our_scale(ours) : std::uint8_t{0};
    return n;
}

}  // namespace kyu::net
