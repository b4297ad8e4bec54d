// Congestion: how much may be in flight (RFC 5681, 6582 NewReno, 6928 IW10, 3042).
//
// Context   any. Pure: knows sequence numbers and bytes, neither time nor sockets, so that another
//           algorithm can take its place behind the same functions.
#pragma once

#include <cstdint>

#include "net/tcp/seq.hpp"

namespace kyu::net {

class Congestion {
public:
    /// What the connection should do about an acknowledgement.
    enum class Advice : std::uint8_t {
        nothing,
        send_new,         ///< RFC 3042: one more new segment may go out
        fast_retransmit,  ///< RFC 5681 §3.2: send the first unacknowledged segment again
        next_hole,        ///< RFC 6582 §3.2 step 3, partial ACK: the same
    };

    /// The connection is established; `initial` is the first sequence number (for `recover`).
    void start(std::uint32_t mss, SeqNum initial);
    void set_mss(std::uint32_t mss) { mss_ = mss; }

    /// `acked` bytes were acknowledged up to `ack`; `in_flight` is what was unacknowledged before.
    Advice on_ack(SeqNum ack, std::uint32_t acked, std::uint32_t in_flight);
    /// A duplicate ACK (RFC 5681 §2) at `una`; `sent_to` is the end of what was ever sent.
    Advice on_duplicate_ack(SeqNum una, SeqNum sent_to, std::uint32_t in_flight);
    /// The retransmission timer expired.
    void on_timeout(SeqNum sent_to, std::uint32_t in_flight, bool first_expiry);
    /// Nothing was sent for longer than one RTO (RFC 5681 §4.1).
    void after_idle();

    /// Bytes that may be in flight.
    [[nodiscard]] std::uint32_t window() const { return window_ + allowance_; }
    [[nodiscard]] std::uint32_t threshold() const { return threshold_; }
    [[nodiscard]] bool recovering() const { return recovering_; }
    /// RFC 6582 §3.2: only the first partial ACK of a recovery restarts the timer.
    [[nodiscard]] bool restart_timer() const { return !recovering_ || partial_acks_ <= 1; }

private:
    std::uint32_t mss_{536};
    std::uint32_t window_{536};
    std::uint32_t threshold_{UINT32_MAX};
    std::uint32_t allowance_{0};  ///< limited transmit: beyond the window
    std::uint32_t duplicates_{0};
    std::uint32_t partial_acks_{0};
    SeqNum recover_{};
    bool recovering_{false};

    [[nodiscard]] std::uint32_t initial_window() const;
    [[nodiscard]] std::uint32_t half_of(std::uint32_t in_flight) const;
    void grow(std::uint32_t acked);
};

}  // namespace kyu::net
