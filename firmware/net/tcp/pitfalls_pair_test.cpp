// Rows of the table in docs/tcp.md that take two whole stacks to show.
#include <algorithm>
#include <array>
#include <functional>

#include "net/socket/pair_test_support.hpp"
#include "net/tcp/options_set.hpp"

namespace kyu::net {
namespace pitfalls_pair_test {

using test::pattern_bytes;
using test::TestPair;
using test::WireFates;

const Instant kForever = Instant::never();
constexpr std::size_t kBytes = 8'000'000;

/// A server and a client, each with its end of a connection, over a wire with `delay`.
void with_pair(Duration delay,
               const std::function<void(TestPair&, TcpSocket&, ThreadContext&)>& server,
               const std::function<void(TestPair&, TcpSocket&, ThreadContext&)>& client) {
    WireFates fates;
    fates.delay = delay;
    TestPair pair{fates};
    pair.machine.thread("server", 10, [&](ThreadContext& self) {
        auto listener = TcpSocket::listen(*pair.b.net, self, 114, 5);
        if (!listener) return ADD_FAILURE();
        auto s = listener->accept(self, kForever);
        if (!s) return ADD_FAILURE();
        server(pair, *s, self);
        s->close(self);
        listener->close(self);
    });
    pair.machine.thread("client", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(10));
        auto s = TcpSocket::connect(*pair.a.net, self, {pair.b.address, 114}, kForever);
        if (!s) return ADD_FAILURE();
        client(pair, *s, self);
        s->close(self);
    });
    pair.run();
}

TEST(Pitfalls, a_question_in_two_writes_is_answered_within_a_millisecond) {
    std::vector<std::int64_t> us;
    with_pair(
        Duration::from_us(100),
        [](TestPair&, TcpSocket& s, ThreadContext& self) {
            std::array<std::byte, 64> in;
            std::size_t got = 0;
            for (auto n = s.recv(self, in, kForever); n && *n > 0; n = s.recv(self, in, kForever)) {
                for (got += *n; got >= 20; got -= 20) {
                    EXPECT_TRUE(s.send(self, std::span{in}.first(10), kForever).status);
                }
            }
        },
        [&](TestPair& pair, TcpSocket& s, ThreadContext& self) {
            {
                NetGuard guard{*pair.a.net, self};
                Socket& so = *guard->tcp.sockets.find(s.id());
                TcpSettings settings = so.options;
                settings.no_delay = true;
                tcp_apply_settings(*guard, so, settings);
            }
            std::array<std::byte, 10> part{};
            for (int i = 0; i < 50; ++i) {
                const Instant begun = self.now();
                EXPECT_TRUE(s.send(self, part, kForever).status);
                EXPECT_TRUE(s.send(self, part, kForever).status);
                EXPECT_TRUE(s.recv(self, part, kForever));
                us.push_back((self.now() - begun).us());
            }
        });
    ASSERT_EQ(us.size(), 50U);
    std::sort(us.begin(), us.end());
    EXPECT_LT(us[25], 1000);
}

TEST(Pitfalls, a_hundred_megabits_fill_five_milliseconds) {
    Duration taken{};
    with_pair(
        Duration::from_us(2500),
        [](TestPair&, TcpSocket& s, ThreadContext& self) {
            const auto bytes = pattern_bytes(kBytes);
            EXPECT_EQ(s.send(self, bytes, kForever).sent, kBytes);
        },
        [&](TestPair&, TcpSocket& s, ThreadContext& self) {
            const Instant begun = self.now();
            std::vector<std::byte> in(65536);
            for (auto n = s.recv(self, in, kForever); n && *n > 0; n = s.recv(self, in, kForever)) {
            }
            taken = self.now() - begun;
        });
    const double mbit_per_s = 8.0 * kBytes / static_cast<double>(taken.us());
    EXPECT_GT(mbit_per_s, 94);
}

}  // namespace pitfalls_pair_test
}  // namespace kyu::net
