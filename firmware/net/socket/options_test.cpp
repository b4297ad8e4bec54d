// Options, names and shutdown: what is set is what happens.
#include "net/socket/options.hpp"

#include <gtest/gtest.h>

#include "net/socket/connected_test_support.hpp"

namespace kyu::net {
namespace options_test {

using test::pattern_bytes;

const Instant kForever = Instant::never();

class Options : public test::Connected {
protected:
    template <typename Change>
    static Status<SocketError> change(TcpSocket& socket, ThreadContext& self, Change change) {
        auto options = socket.options(self);
        if (!options) return options.error();
        change(*options);
        return socket.set_options(self, *options);
    }
};

TEST_F(Options, every_value_is_read_back_as_it_was_set) {
    run([&](ThreadContext& self) {
        SocketOptions wanted;
        wanted.no_delay = wanted.keepalive = true;
        wanted.keep_idle = Duration::from_s(10);
        wanted.keep_interval = Duration::from_s(1);
        wanted.keep_count = 5;
        wanted.user_timeout = Duration::from_s(30);
        wanted.congestion = CongestionAlgorithm::newreno;
        wanted.send_bytes = 8192;
        wanted.receive_bytes = 16384;
        wanted.linger = Duration::from_s(3);
        ASSERT_TRUE(server_.set_options(self, wanted));
        const auto is = server_.options(self);
        ASSERT_TRUE(is);
        EXPECT_TRUE(is->no_delay && is->keepalive);
        EXPECT_EQ(is->keep_idle, wanted.keep_idle);
        EXPECT_EQ(is->keep_interval, wanted.keep_interval);
        EXPECT_EQ(is->keep_count, 5);
        EXPECT_EQ(is->user_timeout, wanted.user_timeout);
        EXPECT_EQ(is->congestion, CongestionAlgorithm::newreno);
        EXPECT_EQ(is->send_bytes, 8192U);
        EXPECT_EQ(is->receive_bytes, 16384U);
        EXPECT_EQ(is->linger, wanted.linger);
    });
}

TEST_F(Options, a_value_out_of_range_changes_nothing) {
    run([&](ThreadContext& self) {
        const auto refused = [&](auto make_bad) {
            const auto result = change(server_, self, [&](SocketOptions& o) {
                o.no_delay = true;
                make_bad(o);
            });
            return !result && result.error() == SocketError::invalid &&
                   !server_.options(self)->no_delay;
        };
        EXPECT_TRUE(refused([](SocketOptions& o) { o.send_bytes = kSockBufBytesMin - 1; }));
        EXPECT_TRUE(refused([](SocketOptions& o) { o.receive_bytes = kSockBufBytesMax + 1; }));
        EXPECT_TRUE(refused([](SocketOptions& o) { o.keep_count = 0; }));
        EXPECT_TRUE(refused([](SocketOptions& o) { o.keep_idle = Duration{}; }));
        EXPECT_TRUE(refused([](SocketOptions& o) { o.linger = kLingerMax + Duration::from_s(1); }));
    });
}

TEST_F(Options, a_connection_begins_with_its_listeners_options) {
    run([&](ThreadContext& self) {
        ASSERT_TRUE(change(listener_, self, [](SocketOptions& o) { o.receive_bytes = 5000; }));
        auto c = TcpSocket::connect(*pair_.a.net, self, {pair_.b.address, test::kConnectedPort},
                                    kForever);
        ASSERT_TRUE(c);
        auto s = listener_.accept(self, kForever);
        ASSERT_TRUE(s);
        EXPECT_EQ(s->options(self)->receive_bytes, 5000U);
        c->close(self);
        s->close(self);
    });
}

TEST_F(Options, a_send_buffer_holds_what_it_was_told_to) {
    run([&](ThreadContext& self) {
        ASSERT_TRUE(change(server_, self, [](SocketOptions& o) { o.send_bytes = 8192; }));
        const auto bytes = pattern_bytes(300'000);
        (void)server_.send(self, bytes, self.now() + Duration::from_ms(300));
        NetGuard guard{*pair_.b.net, self};
        const SockBuf& buffer = guard->tcp.sockets.find(server_.id())->send;
        EXPECT_LE(buffer.size(), 8192U);
        EXPECT_GT(buffer.size(), 8192U - buffer.low_water());
    });
}

TEST_F(Options, small_buffers_carry_a_whole_transfer) {
    constexpr std::size_t kBytes = 100'000;
    pair_.machine.thread("reader", 10, [&](ThreadContext& self) {
        connect(self);
        ASSERT_TRUE(change(client_, self, [](SocketOptions& o) { o.receive_bytes = 4096; }));
        std::vector<std::byte> piece(1000);
        std::size_t got = 0;
        while (got < kBytes) {
            const auto n = client_.recv(self, piece, kForever);
            ASSERT_TRUE(n && *n > 0);
            for (std::size_t i = 0; i < *n; ++i) ASSERT_EQ(piece[i], test::pattern_at(got + i));
            got += *n;
        }
        close_all(self);
    });
    pair_.machine.thread("writer", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(100));
        ASSERT_TRUE(change(server_, self, [](SocketOptions& o) { o.send_bytes = 4096; }));
        const auto bytes = pattern_bytes(kBytes);
        EXPECT_EQ(server_.send(self, bytes, kForever).sent, kBytes);
    });
    pair_.run();
}

TEST_F(Options, no_delay_sends_what_nagle_would_hold) {
    run([&](ThreadContext& self) {
        ASSERT_TRUE(change(server_, self, [](SocketOptions& o) { o.no_delay = true; }));
        std::array<std::byte, 10> piece{};
        for (int i = 0; i < 4; ++i) (void)server_.send(self, piece, kForever);
        NetGuard guard{*pair_.b.net, self};
        EXPECT_EQ(guard->tcp.sockets.find(server_.id())->pcb->in_flight(), 40U);
    });
}

TEST_F(Options, names_are_those_of_both_ends) {
    run([&](ThreadContext& self) {
        EXPECT_EQ(server_.local(self), (Endpoint{pair_.b.address, test::kConnectedPort}));
        EXPECT_EQ(server_.remote(self), client_.local(self));
        EXPECT_EQ(client_.remote(self), server_.local(self));
        EXPECT_EQ(listener_.local(self), (Endpoint{Ipv4{}, test::kConnectedPort}));
        EXPECT_EQ(listener_.remote(self), Endpoint{});
        EXPECT_EQ(TcpSocket{}.local(self), Endpoint{});
    });
}

TEST_F(Options, shut_down_for_receiving_finds_the_end_and_the_peer_can_send_on) {
    run([&](ThreadContext& self) {
        const auto bytes = pattern_bytes(1000);
        EXPECT_EQ(client_.send(self, bytes, kForever).sent, 1000U);
        self.sleep_for(Duration::from_ms(5));
        ASSERT_TRUE(server_.shutdown(self, Shutdown::receive));
        std::array<std::byte, 10> piece{};
        EXPECT_EQ(*server_.recv(self, piece, kForever), 0U);
        const auto much = pattern_bytes(300'000);
        EXPECT_EQ(client_.send(self, much, self.now() + Duration::from_s(5)).sent, much.size());
        EXPECT_EQ(*server_.recv(self, piece, kForever), 0U);
        EXPECT_EQ(server_.send(self, piece, kForever).sent, 10U) << "the other way still works";
        EXPECT_EQ(*client_.recv(self, piece, kForever), 10U);
    });
}

TEST_F(Options, shut_down_both_ways_sends_the_fin_too) {
    run([&](ThreadContext& self) {
        ASSERT_TRUE(server_.shutdown(self, Shutdown::both));
        std::array<std::byte, 10> piece{};
        EXPECT_EQ(*server_.recv(self, piece, kForever), 0U);
        EXPECT_EQ(server_.send(self, piece, kForever).status.error(), SocketError::closed);
        EXPECT_EQ(*client_.recv(self, piece, kForever), 0U);
    });
}

TEST_F(Options, a_lingering_close_returns_when_everything_is_acknowledged) {
    run([&](ThreadContext& self) {
        ASSERT_TRUE(
            change(server_, self, [](SocketOptions& o) { o.linger = Duration::from_s(10); }));
        const auto bytes = pattern_bytes(50'000);
        EXPECT_EQ(server_.send(self, bytes, kForever).sent, bytes.size());
        const SocketId id = server_.id();
        server_.close(self);
        {
            NetGuard guard{*pair_.b.net, self};
            EXPECT_EQ(guard->tcp.sockets.find(id), nullptr);
        }
        std::vector<std::byte> piece(60'000);
        EXPECT_EQ(*client_.recv(self, piece, kDoNotWait), bytes.size());
        EXPECT_EQ(*client_.recv(self, piece, kDoNotWait), 0U);
    });
}

TEST_F(Options, a_lingering_close_that_waits_in_vain_resets) {
    run([&](ThreadContext& self) {
        ASSERT_TRUE(
            change(server_, self, [](SocketOptions& o) { o.linger = Duration::from_ms(200); }));
        const auto bytes = pattern_bytes(500'000);
        (void)server_.send(self, bytes, self.now() + Duration::from_ms(50));
        const Instant start = self.now();
        server_.close(self);
        EXPECT_EQ((self.now() - start).ms(), 200);
        self.sleep_for(Duration::from_ms(10));
        std::vector<std::byte> piece(1000);
        EXPECT_EQ(client_.recv(self, piece, kForever).error(), SocketError::reset);
    });
}

TEST_F(Options, linger_of_nothing_resets_at_once) {
    run([&](ThreadContext& self) {
        ASSERT_TRUE(change(server_, self, [](SocketOptions& o) { o.linger = Duration{}; }));
        server_.close(self);
        self.sleep_for(Duration::from_ms(10));
        std::array<std::byte, 10> piece{};
        EXPECT_EQ(client_.recv(self, piece, kForever).error(), SocketError::reset);
    });
}

}  // namespace options_test
}  // namespace kyu::net
