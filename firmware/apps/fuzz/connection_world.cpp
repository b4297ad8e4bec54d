#include "apps/fuzz/connection_world.hpp"

#include <utility>

#include "net/tcp/options_set.hpp"

namespace kyu::fuzz {

using namespace net::test;

ConnectionWorld::ConnectionWorld(Instant now, std::uint8_t seed, std::uint32_t peer_iss)
    : FuzzBoard(now, seed) {
    use_fixed_address();
    introduce(kPeer, kPeerMac);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        peers[i].port = static_cast<std::uint16_t>(2000 + i);
        peers[i].seq = peer_iss;
    }
}

void ConnectionWorld::send(FuzzPeer& peer, const FuzzSegment& segment, std::uint8_t tos) {
    Bytes t(20);
    put16(t, 0, peer.port);
    put16(t, 2, peer.board_port);
    put32(t, 4, segment.seq);
    put32(t, 8, segment.ack);
    t = joined(std::move(t), segment.options);
    t.resize((std::min<std::size_t>(t.size(), 60) + 3) / 4 * 4);
    t[12] = static_cast<std::uint8_t>((t.size() / 4) << 4U);
    t[13] = segment.flags;
    put16(t, 14, segment.window);
    put16(t, 18, segment.urgent);
    const std::uint32_t first = segment.seq + ((segment.flags & net::TcpFlags::kSyn) != 0 ? 1 : 0);
    const std::size_t most = 1480 - t.size();
    t = joined(std::move(t), stream_bytes(first, std::min(segment.data_bytes, most)));
    put16(t, 16, plain_checksum(joined(pseudo_header(kPeer, kBoard, 6, t.size()), t)));
    IpFields ip;
    ip.protocol = 6;
    Bytes frame = ip_frame(ip, t);
    frame[kEther + 1] = tos;
    fix_ip(frame, kEther);
    link.sent.clear();
    inject(std::move(frame));
    settle();
    watch();
}

void ConnectionWorld::icmp(const FuzzPeer& peer, unsigned type, unsigned code, unsigned mtu) {
    Bytes quoted(8);
    put16(quoted, 0, peer.board_port);
    put16(quoted, 2, peer.port);
    put32(quoted, 4, peer.ack);
    const Bytes packet = ip_packet({.source = kBoard, .destination = kPeer, .protocol = 6}, quoted);
    inject(ip_frame({.protocol = 1}, icmp_message(type, code, mtu, packet)));
    settle();
    watch();
}

void ConnectionWorld::watch() {
    const auto sent = take_sent();
    CHECK(sent.size() <= kAnswersMax);
    for (const Bytes& frame : sent) {
        expect_whole(frame);
        const Bytes ip = slice(frame, kEther, get16(frame, 16));
        if (get16(frame, 12) == 0x0800 && ip[9] == 6) watch_segment(ip);
    }
}

void ConnectionWorld::watch_segment(const Bytes& ip) {
    const Bytes tcp = slice(ip, kIp);
    const std::size_t header = std::size_t{4} * (tcp[12] >> 4U);
    CHECK(header >= 20 && header <= tcp.size());
    const unsigned flags = tcp[13];
    const std::uint32_t seq = get32(tcp, 4);
    const bool syn = (flags & net::TcpFlags::kSyn) != 0;
    const bool rst = (flags & net::TcpFlags::kRst) != 0;
    const auto data_bytes = static_cast<std::uint32_t>(tcp.size() - header);
    // Only data of the stream are ever sent, keepalive probes and resets are empty.
    CHECK(!rst || data_bytes == 0);
    CHECK(slice(tcp, header) == stream_bytes(seq, data_bytes));
    const std::uint32_t end = seq + data_bytes + (syn ? 1U : 0U) + (flags & net::TcpFlags::kFin);
    for (FuzzPeer& peer : peers) {
        if (peer.port != get16(tcp, 2) || rst) continue;
        peer.board_port = static_cast<std::uint16_t>(get16(tcp, 0));
        const net::TcpOptions options =
            net::parse_tcp_options(as_bytes(slice(tcp, 20, header - 20)));
        if (options.has_timestamps) peer.echo = options.timestamp_value;
        if (syn) {
            peer.stamps = options.has_timestamps;
            peer.ack = end;
        } else if (seq == peer.ack) {
            peer.ack = end;
        } else if (end != seq) {
            peer.seen_first = seq;
            peer.seen_end = end;
        }
    }
}

void ConnectionWorld::listen(unsigned backlog) {
    if (net.tcp.sockets.find(listener) != nullptr) return;
    const auto id = tcp_usr_listen(net, kPort, backlog);
    if (id) listener = *id;
}

void ConnectionWorld::hold(FuzzUser& user, net::SocketId id) {
    if (!id) return;
    end(user, Ending::abort);
    user = FuzzUser{.id = id};
}

net::Socket* ConnectionWorld::socket_of(FuzzUser& user) {
    net::Socket* so = net.tcp.sockets.find(user.id);
    if (so != nullptr && so->pcb != nullptr && !so->pcb->syn_unacked() && !user.known) {
        user.known = true;
        user.next_read = so->pcb->irs.raw() + 1;
        user.next_write = so->pcb->iss.raw() + 1;
    }
    return so;
}

void ConnectionWorld::accept(FuzzUser& user) {
    net::Socket* so = net.tcp.sockets.find(listener);
    if (so != nullptr && !so->accept_queue.empty()) hold(user, tcp_usr_accept(net, *so));
}

void ConnectionWorld::connect(FuzzUser& user, unsigned peer) {
    const auto port = static_cast<std::uint16_t>(kRemotePort + peer);
    peers[peer].port = port;
    const auto id = tcp_usr_connect(net, {kPeer, port});
    if (id) hold(user, *id);
}

void ConnectionWorld::write(FuzzUser& user, std::size_t count, bool more) {
    net::Socket* so = socket_of(user);
    // What sosend() asks before it touches the buffer (net/socket/calls.cpp).
    if (so == nullptr || so->failed || so->no_more_output || so->pcb == nullptr ||
        so->pcb->syn_unacked()) {
        return;
    }
    if (so->send.over_memory()) static_cast<void>(so->send.compact(net.pool));
    const Bytes data =
        stream_bytes(user.next_write, std::min<std::size_t>(count, so->send.space()));
    const std::size_t taken = so->send.append_copy(net.pool, as_bytes(data), so->pcb->mss);
    user.next_write += static_cast<std::uint32_t>(taken);
    tcp_usr_send(net, *so, more);
}

void ConnectionWorld::read(FuzzUser& user, std::size_t most) {
    net::Socket* so = socket_of(user);
    if (so == nullptr) return;
    Bytes got(most);
    got.resize(so->receive.take(std::as_writable_bytes(std::span{got})));
    CHECK(got.empty() || (user.known && !user.deaf));
    CHECK(got == stream_bytes(user.next_read, got.size()));
    user.next_read += static_cast<std::uint32_t>(got.size());
    if (!got.empty()) tcp_usr_received(net, *so);
}

void ConnectionWorld::end(FuzzUser& user, Ending how) {
    net::Socket* so = socket_of(user);
    if (so == nullptr) return;
    switch (how) {
        case Ending::shutdown: static_cast<void>(tcp_usr_shutdown(net, *so)); return;
        case Ending::shutdown_receive:
            user.deaf = user.deaf || tcp_usr_shutdown_receive(net, *so);
            return;
        case Ending::close: tcp_usr_close(net, *so); break;
        case Ending::abort: tcp_usr_abort(net, *so); break;
    }
    user = {};
}

void ConnectionWorld::set_options(FuzzUser& user, unsigned which) {
    net::Socket* so = which % 8 == 7 ? net.tcp.sockets.find(listener) : socket_of(user);
    if (so == nullptr) return;
    net::TcpSettings settings;
    settings.no_delay = (which & 1U) != 0;
    settings.keepalive = (which & 2U) != 0;
    settings.keep_idle = Duration::from_s((which & 4U) != 0 ? 10 : 7200);
    if ((which & 8U) != 0) settings.receive_bytes = net::kSockBufBytesMin;
    if ((which & 16U) != 0) settings.send_bytes = net::kSockBufBytesMin;
    if ((which & 32U) != 0) settings.user_timeout = Duration::from_s(5);
    if ((which & 64U) != 0) settings.congestion = net::CongestionAlgorithm::newreno;
    settings.ecn = (which & 128U) == 0;
    tcp_apply_settings(net, *so, settings);
}

}  // namespace kyu::fuzz
