// What a connection does about loss.
//
// Lock      the network lock.
#include "net/tcp/recovery.hpp"

#include <algorithm>

#include "net/net.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

using Phase = Recovery::Phase;

namespace {

constexpr std::uint8_t kDuplicatesForLoss = 3;

std::uint32_t us_of(Instant t) { return static_cast<std::uint32_t>(t.us()); }
std::uint32_t us_of(Duration d) { return static_cast<std::uint32_t>(d.us()); }

/// How old the ACK says that its cause is; 0 when it does not.
std::uint32_t echo_age_us(LockedNet& net, const Tcpcb& tp, std::uint32_t echo) {
    if (!tp.agreed.timestamps || echo == 0) return 0;
    const std::uint32_t clock = net.tcp.clock.at(net.now()) + tp.agreed.ts_offset;
    return std::min(clock - echo, std::uint32_t{1'000'000}) * 1000;
}

void enter_recovery(LockedNet& net, Tcpcb& tp, std::uint32_t in_flight) {
    Recovery& r = tp.recovery;
    net.tcp.stats.count(TcpCount::fast_retransmits);
    r.phase = Phase::recovery;
    r.until = tp.snd_max;
    r.partial_acks = 0;
    r.must_send = true;
    r.probing = false;
    tp.congestion.on_loss(in_flight);
    r.prr.begin(in_flight);
}

/// Takes the blocks into the scoreboard, as far as they tell of what was sent and is not
/// acknowledged (packet case 29). Returns bytes not held before.
std::uint32_t take_sack(LockedNet& net, Tcpcb& tp, const TcpSegment& seg, bool& duplicate) {
    duplicate = seg.tells_duplicate();
    if (duplicate) {
        net.tcp.stats.count(TcpCount::duplicates_told);
        tp.recovery.rack.on_duplicate(tp.snd_una, tp.snd_nxt);
    }
    const std::uint32_t now = us_of(net.now());
    const std::uint32_t age = echo_age_us(net, tp, seg.options.timestamp_echo);
    const SeqLen space{tp.in_flight()};
    const std::uint32_t forgotten = tp.sent.forgotten;
    std::uint32_t fresh = 0;
    for (std::uint8_t i = duplicate ? 1 : 0; i < seg.options.sack_count; ++i) {
        const SackBlock& b = seg.options.sack[i];
        if (!b.first.in_window(tp.snd_una, space) || space < b.end - tp.snd_una) {
            net.tcp.stats.count(TcpCount::sack_ignored);
            continue;
        }
        fresh += tp.sent.hold(
            b, [&](const Scoreboard::Delivered& d) { tp.recovery.rack.delivered(d, now, age); });
    }
    net.tcp.stats.count(TcpCount::sack_forgotten, tp.sent.forgotten - forgotten);
    return fresh;
}

/// With SACK: RACK. True: something was newly taken for lost.
bool detect_by_time(LockedNet& net, Tcpcb& tp) {
    Recovery& r = tp.recovery;
    const bool sure =
        r.phase != Phase::open || tp.sent.sacked() >= kDuplicatesForLoss * std::uint32_t{tp.mss};
    const std::uint32_t window = r.rack.reorder_window_us(sure, us_of(tp.rtt.smoothed()));
    const Rack::Found found = r.rack.detect(tp.sent, us_of(net.now()), window);
    r.reorder_pending = found.wait_us > 0;
    if (r.reorder_pending) {
        net.tcp.arm(tp, TcpTimer::probe, net.now() + Duration::from_us(found.wait_us));
    }
    return found.bytes > 0;
}

/// Without SACK: RFC 6582. True: something was newly taken for lost; `delivered` is estimated.
bool detect_by_count(LockedNet& net, Tcpcb& tp, const AckNews& news, std::uint32_t& delivered) {
    Recovery& r = tp.recovery;
    if (news.duplicate) {
        net.tcp.stats.count(TcpCount::duplicate_acks);
        if (r.duplicates < UINT8_MAX) ++r.duplicates;
        if (r.phase == Phase::loss) return false;
        delivered = tp.mss;  // a segment has left the network
        const std::uint32_t most = tp.in_flight() > tp.mss ? tp.in_flight() - tp.mss : 0;
        r.credit = std::min(r.credit + tp.mss, most);
        if (r.phase == Phase::recovery) return false;
        if (r.duplicates < kDuplicatesForLoss) {
            net.tcp.stats.count(TcpCount::limited_transmits);  // RFC 3042: the credit lets it go
            return false;
        }
        // §3.2 step 1: duplicates of our own retransmissions after a timeout start nothing.
        if (r.duplicates > kDuplicatesForLoss || !tp.snd_una.is_after(r.until)) return false;
        return tp.sent.lose_first(tp.mss) > 0;
    }
    if (news.acked == 0) return false;
    r.duplicates = 0;
    if (r.phase != Phase::recovery) {
        r.credit = 0;
        return false;
    }
    // Step 3: a partial ACK takes one hole along and shows the next.
    const std::uint32_t spent = std::min(r.credit, news.acked > tp.mss ? news.acked - tp.mss : 0);
    r.credit -= spent;
    delivered = news.acked - spent;
    if (r.partial_acks < UINT8_MAX) ++r.partial_acks;
    const auto ranges = tp.sent.ranges();
    if (ranges.empty() || ranges.front().again) return false;
    r.must_send = tp.sent.lose_first(tp.mss) > 0;  // whatever the window says
    return r.must_send;
}

/// RFC 8985 §7.4: whether the probe has repaired a loss that nobody else saw.
void judge_probe(LockedNet& net, Tcpcb& tp, const TcpSegment& seg, const AckNews& news,
                 bool duplicate) {
    Recovery& r = tp.recovery;
    if (seg.ack.is_before(r.probe_end)) return;
    const bool repaired = r.probe_again && !duplicate && seg.ack.is_after(r.probe_end);
    if (r.probe_again && !duplicate && !repaired && !news.duplicate) return;  // told later
    r.probing = false;
    if (!repaired) return;
    net.tcp.stats.count(TcpCount::tail_repairs);
    tp.congestion.on_loss(news.in_flight);
    tp.congestion.settle();
}

void end_episode(Tcpcb& tp) {
    Recovery& r = tp.recovery;
    if (r.phase == Phase::recovery) {
        tp.congestion.settle();
        r.rack.on_recovered();
    }
    r.phase = Phase::open;
    r.credit = 0;
    r.duplicates = 0;
    r.must_send = false;
}

}  // namespace

std::uint32_t pipe_of(const Tcpcb& tp) {
    const std::uint32_t gone = tp.sent.sacked() + tp.sent.lost() + tp.recovery.credit;
    const std::uint32_t out = tp.in_flight();
    return out > gone ? out - gone : 0;
}

std::uint32_t recovery_acknowledge(LockedNet& net, Tcpcb& tp, std::uint32_t echo) {
    if (!tp.agreed.sack) {
        return tp.sent.acknowledge(tp.snd_una, [](const Scoreboard::Delivered&) {});
    }
    const std::uint32_t now = us_of(net.now());
    const std::uint32_t age = tp.sent.clean() ? 0 : echo_age_us(net, tp, echo);
    // What was never sent again measures whatever else was (RFC 6298 §3): with SACK it is news only
    // when it has just arrived. Needed where the one segment that is timed was sent again.
    const bool wanted = tp.rtt.backed_off() || !tp.rtt.measured();
    return tp.sent.acknowledge(tp.snd_una, [&](const Scoreboard::Delivered& d) {
        tp.recovery.rack.delivered(d, now, age);
        if (wanted && !d.again) tp.rtt.on_sample(Duration::from_us(now - d.sent_us));
    });
}

void recovery_plain_ack(LockedNet& net, Tcpcb& tp, const NewlyAcked& acked) {
    tp.congestion.on_ack(acked, net.tcp.clock.at(net.now()), us_of(tp.rtt.smoothed()));
}

void recovery_on_ack(LockedNet& net, Tcpcb& tp, const TcpSegment& seg, const AckNews& news,
                     std::uint32_t delivered) {
    Recovery& r = tp.recovery;
    bool duplicate = false;
    const bool blocks = tp.agreed.sack && seg.options.sack_count > 0;
    if (blocks) delivered += take_sack(net, tp, seg, duplicate);
    if (r.probing) judge_probe(net, tp, seg, news, duplicate);
    const bool ended = r.phase != Phase::open && !tp.snd_una.is_before(r.until);
    if (ended) end_episode(tp);

    bool lost = false;
    if (!tp.agreed.sack) {
        lost = detect_by_count(net, tp, news, delivered);
    } else if (!tp.sent.clean() || r.phase != Phase::open) {
        lost = detect_by_time(net, tp);
        if (news.duplicate) net.tcp.stats.count(TcpCount::duplicate_acks);
    } else {
        r.reorder_pending = false;
    }
    if (lost && r.phase == Phase::open) enter_recovery(net, tp, news.in_flight);
    if (r.phase == Phase::recovery) {
        tp.congestion.set_window(r.prr.window(delivered, pipe_of(tp), tp.congestion.threshold(),
                                              tp.mss, news.acked > 0 && !lost));
    } else if (news.acked > 0 && !ended) {
        recovery_plain_ack(net, tp, {news.acked, news.in_flight});
    }
}

void recovery_on_timeout(Tcpcb& tp) {
    Recovery& r = tp.recovery;
    tp.congestion.on_timeout(tp.in_flight(), tp.retries == 1);
    r.phase = Phase::loss;
    r.until = tp.snd_max;
    r.duplicates = 0;
    r.partial_acks = 0;
    r.credit = 0;
    r.probing = false;
    r.reorder_pending = false;
    r.must_send = true;
    tp.sent.lose_all();
    tp.disarm(TcpTimer::probe);
}

void recovery_on_probe_timer(LockedNet& net, Tcpcb& tp) {
    Recovery& r = tp.recovery;
    if (tp.in_flight() == 0 || tp.syn_unacked()) return;
    if (r.reorder_pending) {
        net.tcp.stats.count(TcpCount::reorder_timeouts);
        const std::uint32_t in_flight = tp.in_flight();
        if (detect_by_time(net, tp) && r.phase == Phase::open) {
            enter_recovery(net, tp, in_flight);
            tp.congestion.set_window(
                r.prr.window(0, pipe_of(tp), tp.congestion.threshold(), tp.mss, false));
        }
        return;
    }
    if (r.probing || r.phase != Phase::open || !tp.sent.clean()) return;
    net.tcp.stats.count(TcpCount::tail_probes);
    r.probing = true;
    const SeqNum before = tp.snd_max;
    tcp_tail_probe(net, tp);
    r.probe_again = tp.snd_max == before;
    r.probe_end = tp.snd_max;
    // §7.3: the timeout is counted from the probe.
    net.tcp.arm(tp, TcpTimer::retransmit, net.now() + tp.rtt.rto());
}

void arm_tail_probe(LockedNet& net, Tcpcb& tp) {
    Recovery& r = tp.recovery;
    if (r.reorder_pending) return;
    if (tp.in_flight() == 0 || r.probing || r.phase != Phase::open || !tp.sent.clean() ||
        !tp.rtt.measured()) {
        return tp.disarm(TcpTimer::probe);
    }
    Duration wait = std::max(tp.rtt.smoothed() * 2, kTailProbeMin);
    if (tp.in_flight() <= tp.mss) wait = wait + kPeerAckDelay;  // a lone one may wait for a second
    const Instant at = net.now() + wait;
    if (at < tp.deadline(TcpTimer::retransmit)) {
        net.tcp.arm(tp, TcpTimer::probe, at);
    } else {
        tp.disarm(TcpTimer::probe);
    }
}

}  // namespace kyu::net
