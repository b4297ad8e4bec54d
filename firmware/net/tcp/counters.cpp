// The names of the counters.
//
// Context   any.
#include "net/tcp/counters.hpp"

namespace kyu::net {

const char* to_text(TcpCount what) {
    switch (what) {
        case TcpCount::segments_in: return "segments received";
        case TcpCount::segments_out: return "segments sent";
        case TcpCount::bytes_in: return "bytes received in order";
        case TcpCount::bytes_out: return "bytes sent";
        case TcpCount::accepted: return "connections accepted";
        case TcpCount::connected: return "connections opened";
        case TcpCount::closed: return "connections closed";
        case TcpCount::resets_in: return "resets received";
        case TcpCount::resets_out: return "resets sent";
        case TcpCount::retransmits: return "segments sent again";
        case TcpCount::timeouts: return "retransmission timeouts";
        case TcpCount::fast_retransmits: return "fast retransmits";
        case TcpCount::limited_transmits: return "limited transmits";
        case TcpCount::tail_probes: return "tail loss probes";
        case TcpCount::tail_repairs: return "tail losses repaired";
        case TcpCount::reorder_timeouts: return "reordering timeouts";
        case TcpCount::duplicates_told: return "duplicates told by peer";
        case TcpCount::sack_ignored: return "sack blocks ignored";
        case TcpCount::sack_forgotten: return "sack blocks forgotten";
        case TcpCount::ecn_marks: return "ecn marks received";
        case TcpCount::ecn_reductions: return "ecn reductions";
        case TcpCount::keepalive_probes: return "keepalive probes";
        case TcpCount::keepalive_drops: return "dropped: keepalive";
        case TcpCount::black_holes: return "path mtu black holes";
        case TcpCount::path_mtu_changes: return "path mtu changes";
        case TcpCount::icmp_noted: return "icmp errors noted";
        case TcpCount::icmp_ignored: return "icmp errors ignored";
        case TcpCount::persist_probes: return "window probes sent";
        case TcpCount::duplicate_acks: return "duplicate acks received";
        case TcpCount::delayed_acks: return "delayed acks sent";
        case TcpCount::challenge_acks: return "challenge acks sent";
        case TcpCount::give_ups: return "dropped: peer silent";
        case TcpCount::orphans_dropped: return "dropped: peer did not close";
        case TcpCount::syn_records: return "half-open begun";
        case TcpCount::cookies_sent: return "syn cookies sent";
        case TcpCount::cookies_taken: return "syn cookies taken";
        case TcpCount::syn_displaced: return "half-open displaced";
        case TcpCount::syn_expired: return "half-open expired";
        case TcpCount::time_waits: return "time-wait begun";
        case TcpCount::time_wait_recycled: return "time-wait recycled";
        case TcpCount::time_wait_reused: return "time-wait reused";
        case TcpCount::out_of_order: return "segments out of order";
        case TcpCount::send_failures: return "sends refused below";
        case TcpCount::compactions: return "buffers compacted";
        case TcpCount::drop_short: return "dropped: short";
        case TcpCount::drop_offset: return "dropped: data offset";
        case TcpCount::drop_checksum: return "dropped: checksum";
        case TcpCount::drop_broadcast: return "dropped: broadcast";
        case TcpCount::drop_land: return "dropped: to itself";
        case TcpCount::drop_no_port: return "dropped: no such port";
        case TcpCount::drop_flags: return "dropped: flags";
        case TcpCount::drop_window: return "dropped: outside window";
        case TcpCount::drop_ack: return "dropped: ack of unsent";
        case TcpCount::drop_paws: return "dropped: old timestamp";
        case TcpCount::drop_no_timestamp: return "dropped: no timestamp";
        case TcpCount::drop_duplicate: return "dropped: duplicate";
        case TcpCount::drop_backlog: return "dropped: backlog full";
        case TcpCount::drop_no_memory: return "dropped: no memory";
        case TcpCount::drop_pressure: return "dropped: memory is short";
        case TcpCount::drop_reassembly: return "dropped: reassembly limit";
        case TcpCount::drop_after_close: return "dropped: data after close";
        case TcpCount::count_: break;
    }
    return "?";
}

}  // namespace kyu::net
