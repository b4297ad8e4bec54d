// Segments of connections that have no control block, and of those that are challenged.
//
// Lock      the network lock.
#include <algorithm>
#include <utility>

#include "net/net.hpp"
#include "net/tcp/build.hpp"
#include "net/tcp/output.hpp"

namespace kyu::net {

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
    if (record.agreed.ecn) out.flags |= TcpFlags::kEce;  // RFC 3168 §6.1.1
    // RFC 7323 §2.2: the window of a SYN is never scaled.
    out.window = syn_window(record.listener->options.receive_bytes);
    out.offer(net, record.agreed);
    (void)build_and_send(net, std::move(out));  // lost is lost: it is due again in a second
}

void send_for_record(LockedNet& net, const SynRecord& record, std::uint8_t flags) {
    Outgoing out;
    out.tuple = record.tuple;
    out.seq = record.iss + SeqLen{1};
    out.ack = record.irs + SeqLen{1};
    out.flags = flags;
    if ((flags & TcpFlags::kRst) == 0) {
        out.window = syn_window(record.listener->options.receive_bytes >> record.agreed.rcv_scale);
    }
    out.stamp(net, record.agreed);
    (void)build_and_send(net, std::move(out));
}

void send_time_wait_ack(LockedNet& net, const TimeWaitRecord& record) {
    Outgoing out;
    out.tuple = record.tuple;
    out.seq = record.snd_nxt;
    out.ack = record.rcv_nxt;
    out.flags = TcpFlags::kAck;
    out.window = record.window;
    out.stamp(net, record.agreed);
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
