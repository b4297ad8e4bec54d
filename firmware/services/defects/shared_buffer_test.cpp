// Two clients fetch `big` at once: each gets its own bytes, unless shared-buffer is planted.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "net/socket/pair_test_support.hpp"
#include "services/wangdoodle/wangdoodle.hpp"

namespace kyu::wangdoodle {
namespace shared_buffer_test {

struct Outcome {
    unsigned right{0};
    unsigned wrong{0};
};

/// A server of two connections on one board, two clients on the other.
Outcome fetch_twice_at_once(MissionBug bug) {
    const auto big = std::make_unique<BigTable>();
    const auto chunks = std::make_unique<ChunkBuffers::Memory>();
    ChunkBuffers buffers{*chunks};
    defects::Planted planted;
    planted.plant(PlantedBug{bug});
    Wangdoodle wang{*big, buffers, planted, 1};
    fill_big(big->bytes);
    Outcome outcome;
    net::test::TestPair pair;
    net::TcpSocket* listener = nullptr;
    pair.machine.daemon("listener", 20, [&](ThreadContext& self) {
        auto socket = net::TcpSocket::listen(*pair.b.net, self, kPort, 5);
        listener = &*socket;  // for ever: the thread is dropped, not unwound
        self.sleep_until(Instant::never());
    });
    for (int i = 0; i < 2; ++i) {
        pair.machine.daemon("server", 20, [&](ThreadContext& self) {
            while (listener == nullptr) self.sleep_for(Duration::from_ms(1));
            auto s = listener->accept(self, Instant::never());
            wang.serve(self, *s);
            s->close(self);
        });
        pair.machine.thread("client", 20, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(10));
            auto s = net::TcpSocket::connect(*pair.a.net, self, {pair.b.address, kPort},
                                             Instant::never());
            const std::string_view command = "big\n";
            EXPECT_TRUE(s->send(self, std::as_bytes(std::span{command}), Instant::never()).status);
            std::vector<std::byte> got;
            std::array<std::byte, 4096> piece;
            for (;;) {
                const auto n = s->recv(self, piece, Instant::never());
                if (!n || *n == 0) break;
                got.insert(got.end(), piece.begin(), piece.begin() + *n);
            }
            s->close(self);
            const bool same =
                std::equal(got.begin(), got.end(), big->bytes.begin(), big->bytes.end());
            ++(same ? outcome.right : outcome.wrong);
        });
    }
    pair.run();
    return outcome;
}

TEST(Wangdoodle, gives_each_of_two_clients_its_own_bytes) {
    EXPECT_EQ(fetch_twice_at_once(MissionBug::none).right, 2U);
}

TEST(Wangdoodle, mixes_the_bytes_of_two_clients_when_they_share_a_buffer) {
    const Outcome outcome = fetch_twice_at_once(MissionBug::shared_buffer);
    EXPECT_EQ(outcome.wrong > 0, kMissionBugs);
}

}  // namespace shared_buffer_test
}  // namespace kyu::wangdoodle
