// tcp_output: decides what goes out, and builds every segment.
//
// Lock      the network lock.
// Rules     build_and_send() is the only builder. A segment that IP refuses leaves snd_nxt where it
//           was: tcp_output comes back by the resend timer.
#include "net/tcp/output.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "kernel/port.hpp"
#include "net/checksum.hpp"
#include "net/ip.hpp"
#include "net/net.hpp"

namespace kyu::net {

namespace {

constexpr std::uint8_t kOptionMssBytes = 4;

struct Outgoing {
    FourTuple tuple;
    SeqNum seq;
    SeqNum ack;
    std::uint8_t flags{};
    std::uint16_t window{};
    std::uint16_t mss_option{0};  ///< 0: none
    Mbuf payload{};
};

/// All of a segment, header included.
void add_segment(Checksum& sum, const LockedNet& net, const Mbuf& segment) {
    if constexpr (kMissionBugs) {
        if (net.bug.is(MissionBug::odd_checksum)) return planted::add_padded(sum, segment);
    }
    sum.add(segment);
}

/// Builds the header in front of the payload and gives the segment to IP. False: it did not go.
bool build_and_send(LockedNet& net, Outgoing out) {
    const std::size_t header_bytes = kTcpHeaderBytes + (out.mss_option != 0 ? kOptionMssBytes : 0U);
    const std::uint32_t data_bytes = out.payload.size();
    Mbuf segment = net.pool.allocate(header_bytes, Reserve::use);
    if (!segment) {
        net.tcp.stats.count(TcpCount::send_failures);
        return false;
    }
    const auto bytes = segment.writable_front();
    auto& header = *reinterpret_cast<TcpHeader*>(bytes.data());  // alignment 1
    header.source = Be16{out.tuple.local.port};
    header.destination = Be16{out.tuple.remote.port};
    header.seq = Be32{out.seq.raw()};
    header.ack = Be32{out.ack.raw()};
    header.offset = static_cast<std::uint8_t>((header_bytes / 4) << 4U);
    header.flags = out.flags;
    header.window = Be16{out.window};
    header.checksum = Be16{0};
    header.urgent = Be16{0};
    if (out.mss_option != 0) {
        bytes[20] = std::byte{2};
        bytes[21] = std::byte{kOptionMssBytes};
        bytes[22] = static_cast<std::byte>(out.mss_option >> 8U);
        bytes[23] = static_cast<std::byte>(out.mss_option);
    }
    if (data_bytes > 0) segment.append(std::move(out.payload));
    if (transport_checksum_needed(net, out.tuple.remote.address)) {
        Checksum sum;
        sum.add_pseudo_header(out.tuple.local.address, out.tuple.remote.address,
                              static_cast<std::uint8_t>(IpProtocol::tcp),
                              static_cast<std::uint16_t>(segment.size()));
        add_segment(sum, net, segment);
        header.checksum = Be16{sum.finish()};
    }
    IpSend send;
    send.source = out.tuple.local.address;
    send.destination = out.tuple.remote.address;
    send.protocol = IpProtocol::tcp;
    if (!ip_output(net, send, std::move(segment))) {
        net.tcp.stats.count(TcpCount::send_failures);
        return false;
    }
    net.tcp.stats.count(TcpCount::segments_out);
    net.tcp.stats.count(TcpCount::bytes_out, data_bytes);
    if ((out.flags & TcpFlags::kRst) != 0) net.tcp.stats.count(TcpCount::resets_out);
    return true;
}

/// Bytes that the receive buffer can promise, beyond rcv_nxt.
std::uint32_t promise(const Tcpcb& tp) {
    const Socket& so = *tp.socket;
    // An orphan discards what comes in, so it always has room.
    std::uint32_t space = so.orphan() ? kSockBufBytes : so.receive.space();
    // RFC 9293 §3.8.6.2.2: rather none than a little.
    if (space < std::min(kSockBufBytes / 2, tp.mss)) space = 0;
    return std::min(std::max(space, tp.advertised()), std::uint32_t{UINT16_MAX});
}

/// Whether the peer should hear of a wider window although nothing else is due.
bool window_update_due(const Tcpcb& tp) {
    if (tp.state != ConnectionState::established && tp.state != ConnectionState::fin_wait_1 &&
        tp.state != ConnectionState::fin_wait_2) {
        return false;
    }
    const std::uint32_t gain = promise(tp) - tp.advertised();
    return gain >= kSockBufBytes / 2 || (gain >= 2 * tp.mss && tp.advertised() < kSockBufBytes / 4);
}

/// The segment carried our ACK and window.
void acknowledged_by_us(Tcpcb& tp, std::uint32_t window) {
    tp.rcv_adv = tp.rcv_nxt + SeqLen{window};
    tp.ack_now = false;
    tp.unacked_bytes = 0;
    tp.disarm(TcpTimer::delayed_ack);
}

struct Plan {
    std::uint32_t offset{};  ///< from snd_una, which is the send buffer's first byte
    std::uint32_t length{};
    bool fin{false};
};

/// Sends bytes [offset, offset + length) of the send buffer and a FIN when the plan says so, and
/// keeps the books of what was ever sent. Does not move snd_nxt.
bool send_data(LockedNet& net, Tcpcb& tp, const Plan& plan) {
    const Socket& so = *tp.socket;
    Outgoing out;
    out.tuple = tp.tuple;
    out.seq = tp.snd_una + SeqLen{plan.offset};
    out.ack = tp.rcv_nxt;
    out.flags = TcpFlags::kAck;
    if (plan.fin) out.flags |= TcpFlags::kFin;
    if (plan.length > 0) {
        if (plan.offset + plan.length == so.send.size()) out.flags |= TcpFlags::kPsh;
        out.payload = so.send.share(plan.offset, plan.length);
        if (!out.payload) {
            net.tcp.stats.count(TcpCount::send_failures);
            return false;
        }
    }
    const std::uint32_t window = promise(tp);
    out.window = static_cast<std::uint16_t>(window);
    const SeqNum end = out.seq + SeqLen{plan.length + (plan.fin ? 1U : 0U)};
    if (!build_and_send(net, std::move(out))) return false;
    acknowledged_by_us(tp, window);
    tp.last_sent = net.now();
    if (!end.is_after(tp.snd_max)) {
        tp.timing = false;  // Karn: from here on an ACK could be for either copy
        net.tcp.stats.count(TcpCount::retransmits);
        return true;
    }
    if (tp.snd_una == tp.snd_max) tp.last_progress = net.now();  // the wait for an ACK begins
    if (!tp.timing) {
        tp.timing = true;
        tp.timed_seq = tp.snd_una + SeqLen{plan.offset};
        tp.timed_at = net.now();
    }
    tp.snd_max = end;
    if (plan.length > 0 && plan.length < tp.mss) tp.small_end = end;
    return true;
}

/// What may be sent next from snd_nxt on, if anything (RFC 9293 §3.8.6.2.1).
std::optional<Plan> next_segment(const Tcpcb& tp) {
    const std::uint32_t buffered = tp.socket->send.size();
    const std::uint32_t offset = tp.in_flight();
    if (offset > buffered) return std::nullopt;  // the FIN has been sent
    const std::uint32_t window = std::min(tp.snd_wnd, tp.congestion.window());
    const std::uint32_t allowed = window > offset ? window - offset : 0;
    const std::uint32_t length = std::min({buffered - offset, allowed, tp.mss});
    const bool all = offset + length == buffered;
    const Plan plan{offset, length, tp.fin_wanted && !tp.fin_acked && all};
    if (plan.fin || length == tp.mss) return plan;
    if (length == 0) return std::nullopt;
    if (tp.snd_nxt.is_before(tp.snd_max)) return plan;  // again: the first time decided
    if (tp.force_output || length >= (tp.snd_wnd_max + 1) / 2) return plan;
    // Nagle (RFC 9293 §3.7.4) in Minshall's form: a partial segment goes when no other partial one
    // is under way, so that the end of a bulk write need not wait for an ACK. Never in the middle
    // of a send call, which will soon complete it.
    const bool small_under_way = tp.small_end.is_after(tp.snd_una);
    if (all && !tp.more_to_come && (tp.no_delay || !small_under_way)) return plan;
    return std::nullopt;
}

/// SYN, or SYN and ACK after a simultaneous open.
bool send_syn(LockedNet& net, Tcpcb& tp) {
    Outgoing out;
    out.tuple = tp.tuple;
    out.seq = tp.iss;
    out.flags = TcpFlags::kSyn;
    out.mss_option = mss_towards(net, tp.tuple.remote.address);
    out.window = static_cast<std::uint16_t>(kSockBufBytes);
    if (tp.state == ConnectionState::syn_received) {
        out.flags |= TcpFlags::kAck;
        out.ack = tp.rcv_nxt;
    }
    if (!build_and_send(net, std::move(out))) return false;
    if (tp.state == ConnectionState::syn_received) acknowledged_by_us(tp, kSockBufBytes);
    if (tp.snd_max == tp.iss) {
        tp.timing = true;
        tp.timed_seq = tp.iss;
        tp.timed_at = tp.last_progress = net.now();
    } else {
        tp.timing = false;
        net.tcp.stats.count(TcpCount::retransmits);
    }
    tp.snd_nxt = tp.iss + SeqLen{1};
    tp.snd_max = later(tp.snd_max, tp.snd_nxt);
    return true;
}

void send_ack(LockedNet& net, Tcpcb& tp) {
    Outgoing out;
    out.tuple = tp.tuple;
    // After a timeout snd_nxt stands in the past, which a peer would not accept. A window probe's
    // byte, however, may not have been taken: then snd_nxt is what the peer expects.
    out.seq = tp.armed(TcpTimer::persist) ? tp.snd_nxt : tp.snd_max;
    out.ack = tp.rcv_nxt;
    out.flags = TcpFlags::kAck;
    const std::uint32_t window = promise(tp);
    out.window = static_cast<std::uint16_t>(window);
    if (build_and_send(net, std::move(out))) {
        acknowledged_by_us(tp, window);
    } else {
        net.tcp.arm(tp, TcpTimer::resend, net.now() + kResendAfterNoMemory);
    }
}

/// Exactly one of retransmit and persist is armed while anything is unacknowledged or unsent.
void set_timers(LockedNet& net, Tcpcb& tp) {
    if (tp.in_flight() > 0) {
        tp.disarm(TcpTimer::persist);
        if (!tp.armed(TcpTimer::retransmit)) {
            net.tcp.arm(tp, TcpTimer::retransmit, net.now() + tp.rtt.rto());
        }
        return;
    }
    tp.disarm(TcpTimer::retransmit);
    const bool unsent =
        tp.socket->send.size() > 0 || tp.syn_unacked() || (tp.fin_wanted && !tp.fin_acked);
    if (!unsent) {
        tp.disarm(TcpTimer::persist);
        tp.persist_shift = 0;
    } else if (!tp.armed(TcpTimer::persist)) {
        const Duration wait = tp.rtt.rto() * (std::int64_t{1} << std::min(tp.persist_shift, 12U));
        net.tcp.arm(tp, TcpTimer::persist, net.now() + std::min(wait, kPersistMax));
    }
}

/// The timers that move data; the others are for the end of a connection.
void note_in_ring(LockedNet& net, const Tcpcb& tp) {
    // never() by its upper half, which no other time has: one word is looked at, not two.
    constexpr auto upper = [](Instant t) { return static_cast<std::uint32_t>(t.us() >> 32U); };
    const auto bit = [&](TcpTimer which) {
        const bool armed = upper(tp.deadline(which)) != upper(Instant::never());
        return armed ? 1U << static_cast<unsigned>(which) : 0U;
    };
    net.frames.note(
        tp.tuple.local.port, tp.tuple.remote.port, static_cast<unsigned>(tp.state),
        bit(TcpTimer::retransmit) | bit(TcpTimer::persist) | bit(TcpTimer::delayed_ack));
}

}  // namespace

void tcp_output(LockedNet& net, Tcpcb& tp) {
    bool sent = false;
    bool refused = false;
    if (tp.syn_unacked()) {
        if (tp.snd_nxt == tp.iss) {
            sent = send_syn(net, tp);
            refused = !sent;
        }
    } else {
        if (tp.in_flight() == 0 && net.now() - tp.last_sent > tp.rtt.rto()) {
            tp.congestion.after_idle();
        }
        while (const auto plan = next_segment(tp)) {
            port::marked_point();  // planned, not built
            if constexpr (kMissionBugs) planted::may_be_interrupted(net);
            refused = !send_data(net, tp, *plan);
            if (refused) break;
            tp.snd_nxt = tp.snd_nxt + SeqLen{plan->length + (plan->fin ? 1U : 0U)};
            tp.force_output = false;
            sent = true;
        }
    }
    tp.force_output = false;
    if (refused) net.tcp.arm(tp, TcpTimer::resend, net.now() + kResendAfterNoMemory);
    if (!sent && tp.synchronized() && (tp.ack_now || window_update_due(tp))) send_ack(net, tp);
    set_timers(net, tp);
    note_in_ring(net, tp);
}

void tcp_retransmit_first(LockedNet& net, Tcpcb& tp) {
    const std::uint32_t sent = (tp.snd_max - tp.snd_una).value;
    const std::uint32_t buffered = tp.socket->send.size();
    const std::uint32_t length = std::min({tp.mss, buffered, sent});
    const Plan plan{0, length, length == buffered && sent > buffered};
    if (plan.length == 0 && !plan.fin) return;
    if (!send_data(net, tp, plan)) {
        net.tcp.arm(tp, TcpTimer::resend, net.now() + kResendAfterNoMemory);
    }
}

void tcp_window_probe(LockedNet& net, Tcpcb& tp) {
    net.tcp.stats.count(TcpCount::persist_probes);
    if (tp.socket->send.size() == 0) return;
    // The byte may be taken, so it counts as sent (snd_max); snd_nxt stays, it will be sent again.
    const SeqNum small_end = tp.small_end;
    (void)send_data(net, tp, Plan{0, 1, false});
    tp.small_end = small_end;  // Nagle does not wait for a probe
    tp.timing = false;
}

void tcp_send_reset(LockedNet& net, const Tcpcb& tp) {
    Outgoing out;
    out.tuple = tp.tuple;
    out.seq = tp.snd_nxt;
    out.ack = tp.rcv_nxt;
    out.flags = TcpFlags::kRst | TcpFlags::kAck;
    (void)build_and_send(net, std::move(out));
}

void tcp_challenge_ack(LockedNet& net, Tcpcb& tp) {
    if (!net.tcp.challenge.allow(net.now(), net.random)) return;
    net.tcp.stats.count(TcpCount::challenge_acks);
    send_ack(net, tp);
}

void answer_with_reset(LockedNet& net, const TcpSegment& seg) {
    if (seg.flags.rst()) return;
    Outgoing out;
    out.tuple = seg.tuple;
    out.flags = TcpFlags::kRst;
    if (seg.flags.ack()) {
        out.seq = seg.ack;
    } else {
        out.ack = seg.seq + seg.length();
        out.flags |= TcpFlags::kAck;
    }
    (void)build_and_send(net, std::move(out));
}

void send_syn_ack(LockedNet& net, const SynRecord& record) {
    Outgoing out;
    out.tuple = record.tuple;
    out.seq = record.iss;
    out.ack = record.irs + SeqLen{1};
    out.flags = TcpFlags::kSyn | TcpFlags::kAck;
    out.window = static_cast<std::uint16_t>(kSockBufBytes);
    out.mss_option = mss_towards(net, record.tuple.remote.address);
    (void)build_and_send(net, std::move(out));  // lost is lost: it is due again in a second
}

void send_syn_reset(LockedNet& net, const SynRecord& record) {
    Outgoing out;
    out.tuple = record.tuple;
    out.seq = record.iss + SeqLen{1};
    out.ack = record.irs + SeqLen{1};
    out.flags = TcpFlags::kRst | TcpFlags::kAck;
    (void)build_and_send(net, std::move(out));
}

void send_time_wait_ack(LockedNet& net, const TimeWaitRecord& record) {
    Outgoing out;
    out.tuple = record.tuple;
    out.seq = record.snd_nxt;
    out.ack = record.rcv_nxt;
    out.flags = TcpFlags::kAck;
    out.window = record.window;
    (void)build_and_send(net, std::move(out));
}

std::uint16_t mss_towards(const LockedNet& net, Ipv4 remote) {
    const std::uint16_t mtu = std::max(path_mtu(net, remote), kMtuFloor);
    return static_cast<std::uint16_t>(mtu - kTcpIpHeaderBytes);
}

std::uint16_t send_mss(const LockedNet& net, Ipv4 remote, const TcpOptions& options) {
    const std::uint16_t theirs = options.has_mss ? options.mss : kMssDefault;
    return std::min(std::max(theirs, kMssFloor), mss_towards(net, remote));
}

}  // namespace kyu::net
