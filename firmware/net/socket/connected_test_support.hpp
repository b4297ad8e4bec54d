// Connected: two connected sockets on a TestPair, and two threads that use them.
//
// Rules     for tests only. A is the client, B the server.
#pragma once

#include "net/socket/pair_test_support.hpp"

namespace kyu::net::test {

inline constexpr std::uint16_t kConnectedPort = 114;

class Connected : public ::testing::Test {
protected:
    TestPair pair_;
    TcpSocket listener_;
    TcpSocket server_;
    TcpSocket client_;

    void connect(ThreadContext& self) {
        self.sleep_for(Duration::from_ms(1));  // the net threads configure their interfaces
        auto l = TcpSocket::listen(*pair_.b.net, self, kConnectedPort, 5);
        ASSERT_TRUE(l);
        listener_ = std::move(*l);
        auto c = TcpSocket::connect(*pair_.a.net, self, {pair_.b.address, kConnectedPort},
                                    Instant::never());
        ASSERT_TRUE(c);
        client_ = std::move(*c);
        auto s = listener_.accept(self, self.now() + Duration::from_s(1));
        ASSERT_TRUE(s);
        server_ = std::move(*s);
        EXPECT_EQ(server_.remote(self).address, pair_.a.address);
    }
    void close_all(ThreadContext& self) {
        for (TcpSocket* s : {&client_, &server_, &listener_}) {
            if (s->open()) s->close(self);
        }
    }
    /// Runs `body` on a thread, with everything connected.
    template <typename Body>
    void run(Body body) {
        pair_.machine.thread("body", 10, [&, body](ThreadContext& self) {
            connect(self);
            body(self);
            close_all(self);
        });
        pair_.run();
    }
    /// Runs `blocked` in one thread and `event` in another, half a second later.
    template <typename Blocked, typename Event>
    void while_blocked(Blocked blocked, Event event) {
        pair_.machine.thread("blocked", 10, [&, blocked](ThreadContext& self) {
            connect(self);
            blocked(self);
        });
        pair_.machine.thread("event", 11, [&, event](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(500));
            event(self);
            self.sleep_for(Duration::from_ms(500));
            close_all(self);
        });
        pair_.run();
    }
};

}  // namespace kyu::net::test
