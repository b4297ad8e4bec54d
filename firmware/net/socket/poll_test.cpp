// poll: what it finds, that it wakes, and that it forgets nobody.
#include <gtest/gtest.h>

#include <array>

#include "net/socket/connected_test_support.hpp"

namespace kyu::net {
namespace poll_test {

using test::pattern_bytes;

const Instant kForever = Instant::never();

class Poll : public test::Connected {
protected:
    /// One socket, one look.
    PollEvents look(ThreadContext& self, const TcpSocket& socket, PollEvents wanted) {
        std::array items{PollItem{&socket, wanted}};
        (void)poll(*pair_.b.net, self, items, kDoNotWait);
        return items[0].seen;
    }
};

constexpr auto kBoth = PollEvents::readable | PollEvents::writable;

TEST_F(Poll, a_fresh_connection_is_writable_and_not_readable) {
    run([&](ThreadContext& self) { EXPECT_EQ(look(self, server_, kBoth), PollEvents::writable); });
}

TEST_F(Poll, bytes_and_the_end_make_readable) {
    run([&](ThreadContext& self) {
        std::array<std::byte, 4> bytes{};
        EXPECT_EQ(client_.send(self, bytes, kForever).sent, 4U);
        self.sleep_for(Duration::from_ms(5));
        EXPECT_EQ(look(self, server_, PollEvents::readable), PollEvents::readable);
        EXPECT_EQ(*server_.recv(self, bytes, kForever), 4U);
        EXPECT_EQ(look(self, server_, PollEvents::readable), PollEvents::none);
        EXPECT_TRUE(client_.shutdown_send(self));
        self.sleep_for(Duration::from_ms(5));
        EXPECT_EQ(look(self, server_, PollEvents::readable), PollEvents::readable);
        EXPECT_EQ(*server_.recv(self, bytes, kForever), 0U);
    });
}

TEST_F(Poll, a_full_send_buffer_is_not_writable_until_there_is_room) {
    run([&](ThreadContext& self) {
        const auto bytes = pattern_bytes(500'000);
        std::size_t left = server_.send(self, bytes, self.now() + Duration::from_ms(50)).sent;
        EXPECT_EQ(look(self, server_, PollEvents::writable), PollEvents::none);
        std::vector<std::byte> piece(8000);
        while (left > 0) left -= *client_.recv(self, piece, kForever);
        std::array items{PollItem{&server_, PollEvents::writable}};
        EXPECT_EQ(*poll(*pair_.b.net, self, items, self.now() + Duration::from_s(1)), 1U);
    });
}

TEST_F(Poll, a_reset_is_an_error_also_when_nobody_asked) {
    run([&](ThreadContext& self) {
        client_.abort(self);
        self.sleep_for(Duration::from_ms(5));
        EXPECT_EQ(look(self, server_, PollEvents::none), PollEvents::error);
        EXPECT_EQ(look(self, server_, kBoth), kBoth | PollEvents::error);
    });
}

TEST_F(Poll, a_listener_with_a_connection_says_accept) {
    run([&](ThreadContext& self) {
        const auto wanted = PollEvents::accept | PollEvents::writable;
        EXPECT_EQ(look(self, listener_, wanted), PollEvents::none);
        auto another = TcpSocket::connect(*pair_.a.net, self,
                                          {pair_.b.address, test::kConnectedPort}, kForever);
        ASSERT_TRUE(another);
        self.sleep_for(Duration::from_ms(5));
        EXPECT_EQ(look(self, listener_, wanted), PollEvents::accept);
        another->abort(self);
    });
}

TEST_F(Poll, nothing_and_too_much_are_invalid) {
    run([&](ThreadContext& self) {
        std::array<PollItem, kPollMax + 1> items{};
        EXPECT_EQ(poll(*pair_.b.net, self, items, kForever).error(), SocketError::invalid);
        EXPECT_EQ(poll(*pair_.b.net, self, {}, kForever).error(), SocketError::invalid);
    });
}

TEST_F(Poll, a_deadline_ends_it_on_time) {
    run([&](ThreadContext& self) {
        std::array items{PollItem{&server_, PollEvents::readable}};
        const Instant start = self.now();
        const auto found = poll(*pair_.b.net, self, items, start + Duration::from_ms(300));
        EXPECT_EQ(found.error(), SocketError::timed_out);
        EXPECT_EQ((self.now() - start).ms(), 300);
    });
}

TEST_F(Poll, a_connection_that_is_begun_becomes_writable_when_it_is_there) {
    run([&](ThreadContext& self) {
        auto begun =
            TcpSocket::begin_connect(*pair_.a.net, self, {pair_.b.address, test::kConnectedPort});
        ASSERT_TRUE(begun);
        EXPECT_EQ(begun->connected(self, kDoNotWait).error(), SocketError::timed_out);
        std::array items{PollItem{&*begun, PollEvents::writable}};
        EXPECT_EQ(*poll(*pair_.a.net, self, items, self.now() + Duration::from_s(1)), 1U);
        EXPECT_TRUE(begun->connected(self, kDoNotWait));
        begun->close(self);
        auto refused = TcpSocket::begin_connect(*pair_.a.net, self, {pair_.b.address, 9});
        ASSERT_TRUE(refused);
        items[0].socket = &*refused;
        EXPECT_EQ(*poll(*pair_.a.net, self, items, self.now() + Duration::from_s(1)), 1U);
        EXPECT_EQ(items[0].seen, PollEvents::writable | PollEvents::error);
        EXPECT_EQ(refused->connected(self, kDoNotWait).error(), SocketError::refused);
        refused->close(self);
    });
}

/// Rounds of: a byte on one of several connections, found by every poller that wants it.
TEST_F(Poll, no_wake_up_is_lost_in_a_thousand_rounds_with_two_pollers) {
    constexpr unsigned kRounds = 1000;
    constexpr std::size_t kSockets = 8;
    std::vector<TcpSocket> served(kSockets);
    std::vector<TcpSocket> clients(kSockets);
    unsigned taken = 0;
    const auto poller = [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(100));
        std::vector<PollItem> items;
        for (const TcpSocket& s : served) items.push_back({&s, PollEvents::readable});
        while (taken < kRounds) {
            const auto found = poll(*pair_.b.net, self, items, self.now() + Duration::from_s(5));
            if (!found) return;  // the other one had the last
            for (std::size_t i = 0; i < kSockets; ++i) {
                std::array<std::byte, 1> byte{};
                if (any(items[i].seen) && served[i].recv(self, byte, kDoNotWait)) ++taken;
            }
        }
    };
    pair_.machine.thread("one", 10, poller);
    pair_.machine.thread("two", 9, poller);
    pair_.machine.thread("sender", 11, [&](ThreadContext& self) {
        connect(self);
        for (std::size_t i = 0; i < kSockets; ++i) {
            clients[i] = *TcpSocket::connect(*pair_.a.net, self,
                                             {pair_.b.address, test::kConnectedPort}, kForever);
            served[i] = *listener_.accept(self, kForever);
        }
        self.sleep_for(Duration::from_ms(150));
        const std::array<std::byte, 1> byte{};
        for (unsigned round = 0; round < kRounds; ++round) {
            const Instant start = self.now();
            EXPECT_EQ(clients[round % kSockets].send(self, byte, kForever).sent, 1U);
            while (taken <= round) self.sleep_for(Duration::from_us(50));
            ASSERT_LT((self.now() - start).ms(), 100)
                << "found by its deadline, not by its wake-up";
        }
        for (TcpSocket& s : clients) s.close(self);
        for (TcpSocket& s : served) s.close(self);
        close_all(self);
    });
    pair_.run();
    EXPECT_EQ(taken, kRounds);
}

}  // namespace poll_test
}  // namespace kyu::net
