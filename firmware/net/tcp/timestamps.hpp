// Timestamps (RFC 7323): the clock, PAWS, and what is echoed.
//
// Rules     The clock counts milliseconds. Each connection's is shifted by a keyed hash of its
//           tuple, so that it tells nobody the uptime, and yet goes on where an earlier connection
//           of the same tuple left off.
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "net/tcp/tcpcb.hpp"

namespace kyu::net {

/// Milliseconds of the monotonic clock, without a division of 64 bits for each segment.
class MillisecondClock {
    Instant last_{};
    std::uint32_t ms_{0};
    std::uint32_t rest_us_{0};

public:
    [[nodiscard]] std::uint32_t at(Instant now) {
        if (now == last_) return ms_;
        const std::int64_t step = (now - last_).us() + rest_us_;
        if (step >= 0 && step <= UINT32_MAX) {
            const auto us = static_cast<std::uint32_t>(step);
            ms_ += us / 1000;
            rest_us_ = us % 1000;
        } else {
            ms_ = static_cast<std::uint32_t>(now.ms());
            rest_us_ = static_cast<std::uint32_t>(now.us() % 1000);
        }
        last_ = now;
        return ms_;
    }
};

/// §5.5: a TS.Recent of that age may belong to the clock's last turn.
inline constexpr Duration kTimestampAgeMax = Duration::from_s(24LL * 24 * 3600);

/// `a` is earlier than `b` on a 32-bit clock.
[[nodiscard]] constexpr bool ts_before(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0;
}

/// §5.3 R1: the segment is older than one that we have seen.
[[nodiscard]] inline bool paws_rejects(const Tcpcb& tp, const TcpOptions& options, Instant now) {
    return ts_before(options.timestamp_value, tp.agreed.ts_recent) &&
           now - tp.ts_recent_at <= kTimestampAgeMax;
}

/// RFC 5961 §5.2: neither what was never sent nor what is older than any window.
[[nodiscard]] inline bool acknowledges_sensibly(const Tcpcb& tp, const TcpSegment& seg) {
    const SeqNum oldest = tp.snd_una - SeqLen{tp.snd_wnd_max};
    return !seg.ack.is_after(tp.snd_max) && !seg.ack.is_before(oldest);
}

/// §4.3: only a segment that covers the last number we acknowledged tells what to echo, so that a
/// delayed ACK includes the delay. Nor one whose ACK gives it away as a guess: a forged value far
/// ahead would have PAWS reject all that the peer sends from then on.
inline void note_timestamp(Tcpcb& tp, const TcpSegment& seg, Instant now) {
    if (!tp.agreed.timestamps || !seg.options.has_timestamps) return;
    if (seg.seq.is_after(tp.last_ack_sent)) return;
    if (!seg.flags.ack() || !acknowledges_sensibly(tp, seg)) return;
    tp.agreed.ts_recent = seg.options.timestamp_value;
    tp.ts_recent_at = now;
}

}  // namespace kyu::net
