// TcpStats: everything TCP counts; every reason to drop a segment is a name here.
//
// Lock      the network lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kyu::net {

enum class TcpCount : std::uint8_t {
    segments_in,
    segments_out,
    bytes_in,   ///< payload taken in order
    bytes_out,  ///< payload sent, retransmissions included
    accepted,   ///< passive opens completed
    connected,  ///< active opens completed
    closed,     ///< connections gone, for whatever reason
    resets_in,
    resets_out,
    retransmits,  ///< segments sent again
    timeouts,     ///< retransmission timer expiries
    fast_retransmits,
    limited_transmits,
    tail_probes,       ///< RFC 8985 §7: probes for a loss at the end of a flight
    tail_repairs,      ///< losses that nothing but such a probe showed
    reorder_timeouts,  ///< expiries of the wait for mere reordering
    duplicates_told,   ///< D-SACK: the peer got something twice
    sack_ignored,      ///< blocks outside what is under way
    sack_forgotten,    ///< blocks forgotten because the scoreboard was full
    ecn_marks,         ///< data that the network has marked
    ecn_reductions,    ///< times that the peer's echo brought our window down
    keepalive_probes,
    keepalive_drops,   ///< connections whose peer did not answer them
    black_holes,       ///< paths that seem to swallow full-sized segments
    path_mtu_changes,  ///< segments made smaller because a router asked for it
    icmp_noted,        ///< errors about what is under way: acted on, or remembered (RFC 5927)
    icmp_ignored,      ///< errors about anything else
    persist_probes,
    duplicate_acks,
    delayed_acks,  ///< ACKs that the delayed ACK timer sent
    challenge_acks,
    give_ups,         ///< connections dropped because the peer stopped answering
    orphans_dropped,  ///< closed connections whose peer did not close in time
    syn_records,      ///< half-open connections begun
    cookies_sent,     ///< SYNs answered without a record, since none was free
    cookies_taken,    ///< and completed
    syn_displaced,    ///< half-open ones that gave up their place to who came later
    syn_expired,
    time_waits,
    time_wait_recycled,  ///< TIME_WAIT cut short because there was no room
    time_wait_reused,    ///< TIME_WAIT ended by a new SYN
    out_of_order,
    send_failures,  ///< ip_output refused a segment; it is tried again
    compactions,    ///< socket buffers copied because small pieces pinned too much memory
    // Reasons to drop.
    drop_short,   ///< shorter than a TCP header
    drop_offset,  ///< data offset below 5 or past the end
    drop_checksum,
    drop_broadcast,     ///< sent to a group address
    drop_land,          ///< source and destination are the same
    drop_no_port,       ///< answered with a reset
    drop_flags,         ///< flags that make no sense in this state
    drop_window,        ///< outside the receive window
    drop_ack,           ///< acknowledges what was never sent
    drop_paws,          ///< an older timestamp than one seen before
    drop_no_timestamp,  ///< timestamps were agreed on, and it has none
    drop_duplicate,     ///< nothing new in it
    drop_backlog,       ///< accept queue full
    drop_no_memory,
    drop_pressure,     ///< data for a reader who has enough, while the pool is nearly used up
    drop_reassembly,   ///< out-of-order data beyond its limits
    drop_after_close,  ///< data for a receiver that has closed
    count_
};

/// The name as a row of netstat; a literal.
[[nodiscard]] const char* to_text(TcpCount what);

class TcpStats {
    std::array<std::uint64_t, static_cast<std::size_t>(TcpCount::count_)> counts_{};

public:
    void count(TcpCount what, std::uint64_t n = 1) { counts_[static_cast<std::size_t>(what)] += n; }
    [[nodiscard]] std::uint64_t operator[](TcpCount what) const {
        return counts_[static_cast<std::size_t>(what)];
    }
};

}  // namespace kyu::net
