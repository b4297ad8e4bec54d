// For tests only: a peer that says exactly what the test tells it to.
//
// Rules     the peer keeps its own sequence numbers: `seq` is what it sends next, `ack` what it
//           acknowledges. send() gives the board one segment and returns what the board answers at
//           once; wait() lets time pass and returns what came meanwhile.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "net/frames_test_support.hpp"
#include "net/net_test_support.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/tcp.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net::test {

inline constexpr std::uint8_t kFin = TcpFlags::kFin;
inline constexpr std::uint8_t kSyn = TcpFlags::kSyn;
inline constexpr std::uint8_t kRst = TcpFlags::kRst;
inline constexpr std::uint8_t kAck = TcpFlags::kAck;
inline constexpr std::uint8_t kPsh = TcpFlags::kPsh;

/// A segment that the board sent.
struct Seen {
    std::uint32_t seq{};
    std::uint32_t ack{};
    std::uint8_t flags{};
    std::uint8_t tos{};
    std::uint16_t window{};
    unsigned mss{0};  ///< 0: no option
    TcpOptions options{};
    std::string data{};
    [[nodiscard]] bool is(std::uint8_t wanted) const {
        return (flags & ~(kPsh | TcpFlags::kEce | TcpFlags::kCwr)) == wanted;
    }
};
using Answers = std::vector<Seen>;

// Options as they lie on the wire, each padded to words.
inline Bytes mss_option(unsigned mss) {
    return {2, 4, static_cast<std::uint8_t>(mss >> 8U), static_cast<std::uint8_t>(mss)};
}
inline Bytes scale_option(std::uint8_t shift) { return {1, 3, 3, shift}; }
inline Bytes sack_permitted_option() { return {1, 1, 4, 2}; }
inline Bytes stamp_option(std::uint32_t value, std::uint32_t echo) {
    Bytes b{1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    put32(b, 4, value);
    put32(b, 8, echo);
    return b;
}
inline Bytes sack_option(std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> blocks) {
    Bytes b{1, 1, 5, static_cast<std::uint8_t>(2 + 8 * blocks.size())};
    for (const auto& [first, end] : blocks) {
        b.resize(b.size() + 8);
        put32(b, b.size() - 8, first);
        put32(b, b.size() - 4, end);
    }
    return b;
}

class Peer {
    TestNet* world_;  // a pointer, so that a test may put another peer in its place

    [[nodiscard]] Answers parse_sent() {
        Answers answers;
        for (const Bytes& frame : world_->take_sent()) {
            if (frame.size() < 54 || get16(frame, 12) != 0x0800 || frame[23] != 6) continue;
            const Bytes ip = slice(frame, kEther, get16(frame, 16));
            const Bytes tcp = slice(ip, kIp);
            EXPECT_EQ(slow_checksum(joined(pseudo_header(kBoard, address, 6, tcp.size()), tcp)), 0);
            if (get16(tcp, 2) != port) continue;
            Seen s;
            s.seq = get32(tcp, 4);
            s.ack = get32(tcp, 8);
            s.flags = tcp[13];
            s.tos = frame[15];
            s.window = static_cast<std::uint16_t>(get16(tcp, 14));
            const std::size_t header = std::size_t{4} * (tcp[12] >> 4U);
            if (header >= 24 && tcp[20] == 2) s.mss = get16(tcp, 22);
            s.options = parse_tcp_options(as_bytes(slice(tcp, 20, header - 20)));
            if (s.options.has_timestamps) stamp.echo = s.options.timestamp_value;
            const Bytes data = slice(tcp, header);
            s.data.assign(data.begin(), data.end());
            answers.push_back(std::move(s));
        }
        return answers;
    }

public:
    Ipv4 address{kPeer};
    std::uint16_t port;
    std::uint16_t board_port;
    std::uint32_t seq{1000};
    std::uint32_t ack{0};
    std::uint16_t window{65535};
    std::uint8_t tos{0};
    Bytes options{};
    /// Timestamps on every segment, once `on`: `echo` is kept at what the board said last.
    struct Stamp {
        bool on{false};
        std::uint32_t value{5'000'000};
        std::uint32_t echo{0};
    } stamp{};

    Peer(TestNet& world, std::uint16_t port_in, std::uint16_t board_port_in)
        : world_(&world), port(port_in), board_port(board_port_in) {}

    [[nodiscard]] Bytes segment(std::uint8_t flags, const std::string& data = {}) const {
        Bytes t(20);
        put16(t, 0, port);
        put16(t, 2, board_port);
        put32(t, 4, seq);
        put32(t, 8, (flags & kAck) != 0 ? ack : 0);
        t = joined(std::move(t), options);
        if (stamp.on) t = joined(std::move(t), stamp_option(stamp.value, stamp.echo));
        t[12] = static_cast<std::uint8_t>((t.size() / 4) << 4U);
        t[13] = flags;
        put16(t, 14, window);
        t.insert(t.end(), data.begin(), data.end());
        put16(t, 16, slow_checksum(joined(pseudo_header(address, kBoard, 6, t.size()), t)));
        return t;
    }
    [[nodiscard]] Bytes frame(std::uint8_t flags, const std::string& data = {}) const {
        IpFields ip;
        ip.source = address;
        ip.protocol = 6;
        Bytes frame = ip_frame(ip, segment(flags, data));
        frame[kEther + 1] = tos;
        fix_ip(frame, kEther);
        return frame;
    }
    /// Sends at `seq` and leaves seq where it is.
    Answers send(std::uint8_t flags, const std::string& data = {}) {
        world_->take_sent();
        world_->inject(frame(flags, data));
        world_->settle();
        return parse_sent();
    }
    /// Puts an ACK of `upto` on the wire; the board looks at it with the next that is sent.
    void queue_ack(std::uint32_t upto) {
        ack = upto;
        world_->inject(frame(kAck));
    }
    /// Sends in order: seq moves on.
    Answers say(const std::string& data, std::uint8_t more_flags = 0) {
        Answers answers = send(static_cast<std::uint8_t>(kAck | more_flags), data);
        seq += static_cast<std::uint32_t>(data.size()) + ((more_flags & kFin) != 0 ? 1U : 0U);
        return answers;
    }
    /// Acknowledges everything up to `upto`.
    Answers acknowledge(std::uint32_t upto) {
        ack = upto;
        return send(kAck);
    }
    Answers wait(Duration duration) {
        world_->take_sent();
        world_->advance(duration);
        return parse_sent();
    }
    Answers take() { return parse_sent(); }

    /// The handshake of a client; false when the board does not play.
    bool connect() {
        const Answers syn_ack = send(kSyn);
        if (syn_ack.size() != 1 || !syn_ack[0].is(kSyn | kAck) || syn_ack[0].ack != seq + 1) {
            return false;
        }
        ++seq;
        ack = syn_ack[0].seq + 1;
        return send(kAck).empty();
    }
};

/// The board with one listener, a peer that is known to ARP, and the user's side of TCP.
class TcpWorld : public ::testing::Test {
protected:
    static constexpr std::uint16_t kPort = 114;
    TestNet world_{TestNet::with_address()};
    LockedNet& net_{world_.net};
    SocketId listener_{};

    TcpWorld() { introduce_peer(world_); }
    ~TcpWorld() override {
        // Whatever a test left behind is aborted; then nothing may be in use.
        net_.tcp.sockets.for_each([&](Socket& s) {
            if (s.owned) tcp_usr_abort(net_, s);
        });
        world_.advance(Duration::from_s(300));
        EXPECT_EQ(net_.tcp.connections.stats().used, 0U);
        EXPECT_EQ(net_.tcp.sockets.stats().used, 0U);
        EXPECT_EQ(net_.tcp.reassembly.stats().used, 0U);
        EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
        EXPECT_EQ(net_.tcp.time_wait.stats().used, 0U);
        EXPECT_EQ(world_.segments_used(), 0U);
        EXPECT_EQ(world_.clusters_used(), 0U);
    }
    void listen(unsigned backlog = 5) {
        const auto id = tcp_usr_listen(net_, kPort, backlog);
        ASSERT_TRUE(id);
        listener_ = *id;
    }
    [[nodiscard]] Socket& listener() { return *net_.tcp.sockets.find(listener_); }
    /// What accept() does when somebody waits in the queue; nullptr when nobody does.
    Socket* accept() { return net_.tcp.sockets.find(tcp_usr_accept(net_, listener())); }
    /// A connection that `peer` has opened and the board's user has accepted.
    Socket& established(Peer& peer) {
        if (listener_ == SocketId{}) listen();
        EXPECT_TRUE(peer.connect());
        Socket* so = accept();
        EXPECT_NE(so, nullptr);
        return *so;
    }
    void write(Socket& so, const std::string& data, bool more = false) {
        EXPECT_EQ(so.send.append_copy(net_.pool, std::as_bytes(std::span{data}), so.pcb->mss),
                  data.size());
        tcp_usr_send(net_, so, more);
    }
    std::string read(Socket& so, std::size_t most = 100'000) {
        std::string s(most, '?');
        s.resize(so.receive.take(std::as_writable_bytes(std::span{s})));
        tcp_usr_received(net_, so);
        return s;
    }
    [[nodiscard]] std::uint64_t count(TcpCount what) const { return net_.tcp.stats[what]; }
    [[nodiscard]] ConnectionState state(const Socket& so) const { return so.pcb->state; }
};

}  // namespace kyu::net::test
