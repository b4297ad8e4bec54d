// Calls that wait: every way in which a wait can end.
#include <gtest/gtest.h>

#include <array>

#include "net/socket/calls.hpp"
#include "net/socket/connected_test_support.hpp"

namespace kyu::net {
namespace calls_test {

using test::pattern_at;
using test::pattern_bytes;
using test::TestPair;

constexpr std::uint16_t kPort = test::kConnectedPort;
const Instant kForever = Instant::never();

class Calls : public test::Connected {};

TEST_F(Calls, recv_ends_with_the_peers_reset) {
    while_blocked(
        [&](ThreadContext& self) {
            std::array<std::byte, 10> b;
            const auto r = server_.recv(self, b, kForever);
            ASSERT_FALSE(r);
            EXPECT_EQ(r.error(), SocketError::reset);
        },
        [&](ThreadContext& self) { client_.abort(self); });
}

TEST_F(Calls, send_ends_with_the_peers_reset_and_says_how_much_was_queued) {
    while_blocked(
        [&](ThreadContext& self) {
            const auto bytes = pattern_bytes(500'000);
            const SendOutcome out = server_.send(self, bytes, kForever);
            ASSERT_FALSE(out.status);
            EXPECT_EQ(out.status.error(), SocketError::reset);
            EXPECT_GT(out.sent, 65'000U);
            EXPECT_LT(out.sent, 500'000U);
        },
        [&](ThreadContext& self) { client_.abort(self); });
}

TEST_F(Calls, recv_ends_when_another_thread_closes_the_socket) {
    SocketId id{};
    while_blocked(
        [&](ThreadContext& self) {
            std::array<std::byte, 10> b;
            NetGuard guard{*pair_.b.net, self};
            id = server_.id();
            const auto r = soreceive(guard, id, b, kForever);
            ASSERT_FALSE(r);
            EXPECT_EQ(r.error(), SocketError::closed);
        },
        [&](ThreadContext& self) { server_.close(self); });
}

TEST_F(Calls, send_and_accept_end_when_another_thread_closes) {
    pair_.machine.thread("acceptor", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(100));
        NetGuard guard{*pair_.b.net, self};
        const auto r = soaccept(guard, listener_.id(), kForever);
        ASSERT_FALSE(r);
        EXPECT_EQ(r.error(), SocketError::closed);
    });
    while_blocked(
        [&](ThreadContext& self) {
            const auto bytes = pattern_bytes(500'000);
            NetGuard guard{*pair_.b.net, self};
            const SendOutcome out = sosend(guard, server_.id(), bytes, SendMode::copy, kForever);
            ASSERT_FALSE(out.status);
            EXPECT_EQ(out.status.error(), SocketError::closed);
        },
        [&](ThreadContext& self) {
            server_.abort(self);
            listener_.close(self);
        });
}

TEST_F(Calls, deadlines_end_every_wait_on_time) {
    pair_.machine.thread("t", 10, [&](ThreadContext& self) {
        connect(self);
        std::array<std::byte, 10> b;
        const Instant start = self.now();
        const auto r = server_.recv(self, b, start + Duration::from_ms(300));
        ASSERT_FALSE(r);
        EXPECT_EQ(r.error(), SocketError::timed_out);
        EXPECT_EQ((self.now() - start).ms(), 300);
        const auto a = listener_.accept(self, self.now() + Duration::from_ms(300));
        ASSERT_FALSE(a);
        EXPECT_EQ(a.error(), SocketError::timed_out);
        EXPECT_EQ((self.now() - start).ms(), 600);
        const auto bytes = pattern_bytes(500'000);
        const SendOutcome out = server_.send(self, bytes, self.now() + Duration::from_ms(300));
        ASSERT_FALSE(out.status);
        EXPECT_EQ(out.status.error(), SocketError::timed_out);
        EXPECT_EQ((self.now() - start).ms(), 900);
        EXPECT_GE(out.sent, 2 * 65'535U - 20'000U) << "both buffers are full";
        std::size_t got = 0;
        std::vector<std::byte> piece(8000);
        while (got < out.sent) {
            const auto n = client_.recv(self, piece, self.now() + Duration::from_s(1));
            ASSERT_TRUE(n) << got;
            for (std::size_t i = 0; i < *n; ++i) ASSERT_EQ(piece[i], pattern_at(got + i));
            got += *n;
        }
        close_all(self);
    });
    pair_.run();
}

TEST_F(Calls, a_past_deadline_never_waits) {
    pair_.machine.thread("t", 10, [&](ThreadContext& self) {
        connect(self);
        std::array<std::byte, 10> b;
        const Instant start = self.now();
        EXPECT_FALSE(server_.recv(self, b, start));
        EXPECT_FALSE(listener_.accept(self, start));
        EXPECT_EQ(self.now(), start);
        close_all(self);
    });
    pair_.run();
}

TEST_F(Calls, connect_says_refused_timed_out_and_unreachable) {
    pair_.machine.thread("t", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(1));
        const auto refused = TcpSocket::connect(*pair_.a.net, self, {pair_.b.address, 9}, kForever);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), SocketError::refused);
        const Instant start = self.now();
        const auto nobody = TcpSocket::connect(*pair_.a.net, self, {Ipv4{10, 0, 0, 99}, 9},
                                               start + Duration::from_s(2));
        ASSERT_FALSE(nobody);
        EXPECT_EQ(nobody.error(), SocketError::timed_out);
        const auto silly = TcpSocket::connect(*pair_.a.net, self, {Ipv4{}, 9}, kForever);
        ASSERT_FALSE(silly);
        EXPECT_EQ(silly.error(), SocketError::invalid);
    });
    pair_.run();
}

TEST_F(Calls, a_port_is_taken_once_and_free_after_close) {
    pair_.machine.thread("t", 10, [&](ThreadContext& self) {
        auto one = TcpSocket::listen(*pair_.b.net, self, kPort, 5);
        ASSERT_TRUE(one);
        const auto two = TcpSocket::listen(*pair_.b.net, self, kPort, 5);
        ASSERT_FALSE(two);
        EXPECT_EQ(two.error(), SocketError::in_use);
        one->close(self);
        auto three = TcpSocket::listen(*pair_.b.net, self, kPort, 5);
        ASSERT_TRUE(three);
        three->close(self);
    });
    pair_.run();
}

TEST_F(Calls, to_itself_works_by_way_of_the_net_thread) {
    pair_.machine.thread("server", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(1));
        auto l = TcpSocket::listen(*pair_.b.net, self, kPort, 5);
        ASSERT_TRUE(l);
        auto s = l->accept(self, kForever);
        ASSERT_TRUE(s);
        const auto bytes = pattern_bytes(200'000);
        EXPECT_EQ(s->send_static(self, bytes, kForever).sent, bytes.size());
        s->close(self);
        l->close(self);
        self.sleep_for(Duration::from_s(1));  // `bytes` must outlive every retransmission
    });
    pair_.machine.thread("client", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(2));
        auto c = TcpSocket::connect(*pair_.b.net, self, {pair_.b.address, kPort}, kForever);
        ASSERT_TRUE(c);
        std::vector<std::byte> piece(5000);
        std::size_t got = 0;
        for (auto n = c->recv(self, piece, kForever); n && *n > 0;
             n = c->recv(self, piece, kForever)) {
            for (std::size_t i = 0; i < *n; ++i) ASSERT_EQ(piece[i], pattern_at(got + i));
            got += *n;
        }
        EXPECT_EQ(got, 200'000U);
        c->close(self);
    });
    pair_.run();
}

TEST_F(Calls, thirty_two_clients_at_once_each_get_every_byte) {
    static constexpr std::size_t kBytes = 200'000;
    for (unsigned i = 0; i < 32; ++i) {
        pair_.machine.thread("client", 10, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(5));
            auto c = TcpSocket::connect(*pair_.a.net, self, {pair_.b.address, kPort}, kForever);
            ASSERT_TRUE(c);
            std::vector<std::byte> piece(4096);
            std::size_t got = 0;
            for (auto n = c->recv(self, piece, kForever); n && *n > 0;
                 n = c->recv(self, piece, kForever)) {
                for (std::size_t k = 0; k < *n; ++k) ASSERT_EQ(piece[k], pattern_at(got + k));
                got += *n;
            }
            EXPECT_EQ(got, kBytes);
            c->close(self);
        });
    }
    const auto bytes = pattern_bytes(kBytes);
    unsigned served = 0;
    for (unsigned i = 0; i < 16; ++i) {
        pair_.machine.thread("server", 9, [&, i](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(1));
            if (i == 0) {
                auto l = TcpSocket::listen(*pair_.b.net, self, kPort, 5);
                ASSERT_TRUE(l);
                listener_ = std::move(*l);
            }
            self.sleep_for(Duration::from_ms(1));
            for (int turn = 0; turn < 2; ++turn) {
                auto s = listener_.accept(self, kForever);
                ASSERT_TRUE(s);
                for (std::size_t at = 0; at < kBytes; at += 2000) {
                    const auto part = std::span{bytes}.subspan(at, 2000);
                    ASSERT_EQ(s->send(self, part, kForever).sent, part.size());
                }
                s->close(self);
                if (++served == 32) listener_.close(self);
            }
        });
    }
    pair_.run();
    EXPECT_GT(pair_.b.pool.cluster_stats().high, 100U);
}

}  // namespace calls_test
}  // namespace kyu::net
