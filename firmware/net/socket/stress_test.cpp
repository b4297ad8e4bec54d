// Many at once: bsd-pitfalls A5 (wake-ups too many), A8 (many ends in one run), A9 (to oneself).
#include <gtest/gtest.h>

#include <array>

#include "net/socket/calls.hpp"
#include "net/socket/connected_test_support.hpp"

namespace kyu::net {
namespace stress_test {

using test::pattern_at;
using test::pattern_bytes;
using test::TestPair;

const Instant kForever = Instant::never();

class Stress : public test::Connected {};

/// A5: each loop asks again whether what it waits for is so.
TEST_F(Stress, four_readers_and_a_writer_stand_surplus_wake_ups) {
    constexpr std::size_t kBytes = 200'000;
    std::size_t taken = 0;
    unsigned reading = 4;
    std::array<std::size_t, 256> counts{};
    const auto wake_all = [&](ThreadContext& self) {
        for (const auto& [host, id] :
             {std::pair{&pair_.a, client_.id()}, {&pair_.b, server_.id()}}) {
            NetGuard guard{*host->net, self};
            Socket* so = guard->tcp.sockets.find(id);
            if (so == nullptr) continue;
            guard->wake(so->readable);
            guard->wake(so->writable);
        }
    };
    for (unsigned i = 0; i < 4; ++i) {
        pair_.machine.thread("reader", 10, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(100));
            std::array<std::byte, 700> piece{};
            for (;;) {
                const auto n = client_.recv(self, piece, kForever);
                ASSERT_TRUE(n);
                if (*n == 0) break;
                taken += *n;
                for (std::size_t k = 0; k < *n; ++k) ++counts[std::to_integer<unsigned>(piece[k])];
            }
            --reading;
        });
    }
    pair_.machine.thread("writer", 11, [&](ThreadContext& self) {
        connect(self);
        self.sleep_for(Duration::from_ms(200));
        const auto bytes = pattern_bytes(kBytes);
        for (std::size_t at = 0; at < kBytes; at += 10'000) {
            const auto piece = std::span{bytes}.subspan(at, 10'000);
            EXPECT_EQ(server_.send(self, piece, kForever).sent, piece.size());
            for (int i = 0; i < 5; ++i) {
                wake_all(self);
                self.sleep_for(Duration::from_us(70));
            }
        }
        EXPECT_TRUE(server_.shutdown_send(self));
        while (reading > 0) {
            wake_all(self);
            self.sleep_for(Duration::from_ms(1));
        }
        close_all(self);
    });
    pair_.run();
    EXPECT_EQ(taken, kBytes);
    std::array<std::size_t, 256> wanted{};
    for (std::size_t i = 0; i < kBytes; ++i) ++wanted[std::to_integer<unsigned>(pattern_at(i))];
    EXPECT_EQ(counts, wanted) << "each byte was read, and by one of them";
}

/// A8: the run of the timers frees one connection after the other.
TEST_F(Stress, five_children_and_five_others_end_in_one_run_of_the_timers) {
    constexpr unsigned kConnections = 5;
    pair_.machine.thread("all", 10, [&](ThreadContext& self) {
        connect(self);
        std::vector<TcpSocket> clients;
        std::vector<TcpSocket> accepted;
        const Endpoint where{pair_.b.address, test::kConnectedPort};
        for (unsigned i = 0; i < 2 * kConnections - 1; ++i) {
            auto c = TcpSocket::connect(*pair_.a.net, self, where, kForever);
            ASSERT_TRUE(c);
            clients.push_back(std::move(*c));
            if (i >= kConnections - 1) continue;  // those stay in the accept queue
            auto s = listener_.accept(self, kForever);
            ASSERT_TRUE(s);
            accepted.push_back(std::move(*s));
        }
        self.sleep_for(Duration::from_ms(10));
        pair_.cut_wire();
        const auto bytes = pattern_bytes(5000);
        for (TcpSocket& s : accepted) EXPECT_EQ(s.send(self, bytes, kForever).sent, bytes.size());
        for (TcpSocket& s : clients) EXPECT_EQ(s.send(self, bytes, kForever).sent, bytes.size());
        for (TcpSocket& s : accepted) s.close(self);
        for (TcpSocket& s : clients) s.close(self);
        listener_.close(self);  // and its five children with it
        server_.close(self);
        client_.close(self);
        self.sleep_for(Duration::from_s(400));
        for (test::TestHost* host : {&pair_.a, &pair_.b}) {
            NetGuard guard{*host->net, self};
            EXPECT_EQ(guard->tcp.connections.stats().used, 0U);
            EXPECT_EQ(guard->tcp.sockets.stats().used, 0U);
            EXPECT_EQ(host->pool.segment_stats().used, 0U);
        }
    });
    pair_.run();
}

/// A9: what is sent to oneself is delivered by the net thread, never from within the sending.
TEST_F(Stress, sixty_four_connections_to_oneself_carry_every_byte) {
    constexpr unsigned kConnections = 64;
    constexpr std::size_t kBytes = 20'000;
    const auto bytes = pattern_bytes(kBytes);
    unsigned whole = 0;
    pair_.machine.thread("acceptor", 9, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(1));
        auto listener = TcpSocket::listen(*pair_.b.net, self, test::kConnectedPort, 16);
        ASSERT_TRUE(listener);
        for (unsigned i = 0; i < kConnections; ++i) {
            auto s = listener->accept(self, kForever);
            ASSERT_TRUE(s);
            EXPECT_EQ(s->send_static(self, bytes, kForever).sent, kBytes);
            s->close(self);
        }
        listener->close(self);
        self.sleep_for(Duration::from_s(5));  // `bytes` must outlive every retransmission
    });
    for (unsigned i = 0; i < kConnections; ++i) {
        pair_.machine.thread("client", 10, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(5));
            auto c = TcpSocket::connect(*pair_.b.net, self, {pair_.b.address, test::kConnectedPort},
                                        kForever);
            ASSERT_TRUE(c);
            std::vector<std::byte> got(kBytes + 1);
            std::size_t have = 0;
            for (auto n = c->recv(self, got, kForever); n && *n > 0;
                 n = c->recv(self, std::span{got}.subspan(have), kForever)) {
                have += *n;
            }
            got.resize(have);
            if (got == bytes) ++whole;
            c->close(self);
        });
    }
    pair_.run();
    EXPECT_EQ(whole, kConnections);
}

}  // namespace stress_test
}  // namespace kyu::net
