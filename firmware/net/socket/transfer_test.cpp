// Whole transfers between two stacks: bytes exact whatever the wire does.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "net/socket/pair_test_support.hpp"
#include "net/tcp/show.hpp"

namespace kyu::net {
namespace transfer_test {

using test::pattern_at;
using test::pattern_bytes;
using test::TestPair;
using test::WireFates;

constexpr std::uint16_t kPort = 114;
const Instant kForever = Instant::never();

/// Reads to the end of the stream and checks every byte.
std::size_t read_pattern(TcpSocket& s, ThreadContext& self, std::size_t piece = 4096) {
    std::vector<std::byte> buffer(piece);
    std::size_t got = 0;
    for (;;) {
        const auto n = s.recv(self, buffer, kForever);
        if (!n) {
            ADD_FAILURE() << to_text(n.error()) << " after " << got;
            return got;
        }
        if (*n == 0) return got;
        for (std::size_t i = 0; i < *n; ++i) {
            if (buffer[i] != pattern_at(got + i)) {
                ADD_FAILURE() << "wrong byte at " << got + i;
                return got;
            }
        }
        got += *n;
    }
}

void send_pattern(TcpSocket& s, ThreadContext& self, std::size_t total, std::size_t chunk) {
    const auto bytes = pattern_bytes(total);
    for (std::size_t at = 0; at < total; at += chunk) {
        const auto part = std::span{bytes}.subspan(at, std::min(chunk, total - at));
        const SendOutcome out = s.send(self, part, kForever);
        if (out.sent != part.size()) {
            ADD_FAILURE() << "sent " << out.sent << " of " << part.size() << " at " << at << ": "
                          << to_text(out.status.error());
            return;
        }
    }
}

void nothing_left(TestPair& pair) {
    for (test::TestHost* h : {&pair.a, &pair.b}) {
        EXPECT_EQ(h->pool.cluster_stats().used, 0U);
        EXPECT_EQ(h->pool.segment_stats().used, 0U);
    }
}

struct Transfer {
    std::size_t bytes{1'000'000};
    std::size_t chunk{2000};
    std::size_t read_piece{4096};
};

/// B serves `t.bytes` to A and closes; A reads to the end and closes.
void serve_once(const WireFates& fates, const Transfer& t) {
    TestPair pair{fates};
    Instant finished{};
    pair.machine.thread("server", 10, [&](ThreadContext& self) {
        auto listener = TcpSocket::listen(*pair.b.net, self, kPort, 5);
        if (!listener) return ADD_FAILURE() << to_text(listener.error());
        auto s = listener->accept(self, kForever);
        if (!s) return ADD_FAILURE() << to_text(s.error());
        send_pattern(*s, self, t.bytes, t.chunk);
        s->close(self);
        listener->close(self);
        self.sleep_for(Duration::from_s(200));  // long enough for every retransmission and orphan
        NetGuard guard{*pair.b.net, self};
        const TcpStats& stats = guard->tcp.stats;
        EXPECT_EQ(stats[TcpCount::retransmits] > 0, fates.lost > 0) << "the wire must do its worst";
        EXPECT_EQ(guard->tcp.connections.stats().used, 0U);
        EXPECT_EQ(guard->tcp.sockets.stats().used, 0U);
        if (std::getenv("KYU_TEST_SHOW") != nullptr) {
            TextBuffer<4096> text;
            print_tcp(text, *guard);
            std::printf("%lld us\n%.*s", static_cast<long long>(finished.us()),
                        static_cast<int>(text.view().size()), text.view().data());
        }
    });
    pair.machine.thread("client", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(10));
        auto s = TcpSocket::connect(*pair.a.net, self, {pair.b.address, kPort}, kForever);
        if (!s) return ADD_FAILURE() << to_text(s.error());
        EXPECT_EQ(read_pattern(*s, self, t.read_piece), t.bytes);
        finished = self.now();
        s->close(self);
    });
    pair.run();
    nothing_left(pair);
}

TEST(Transfer, a_megabyte_over_a_good_wire) { serve_once({}, {}); }

TEST(Transfer, chunks_of_every_size_of_the_story) {
    for (const std::size_t chunk :
         {1UL, 100UL, 2048UL, 5000UL, 6500UL, 8000UL, 65536UL, 200000UL}) {
        serve_once({}, {chunk == 1 ? 20'000UL : 400'000UL, chunk, 4096});
    }
}

TEST(Transfer, a_slow_reader_of_small_pieces) { serve_once({}, {200'000, 8000, 100}); }

class BadWire : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(BadWire, loses_frames) {
    WireFates fates;
    fates.lost = 30;
    fates.seed = GetParam();
    serve_once(fates, {});
}
TEST_P(BadWire, loses_repeats_and_reorders) {
    WireFates fates;
    fates.lost = 20;
    fates.doubled = 20;
    fates.delayed = 100;
    fates.seed = GetParam();
    serve_once(fates, {});
}
TEST_P(BadWire, loses_every_fifth) {
    WireFates fates;
    fates.lost = 200;
    fates.seed = GetParam();
    serve_once(fates, {50'000, 2000, 4096});
}
INSTANTIATE_TEST_SUITE_P(Seeds, BadWire, ::testing::Range(1U, 6U));

TEST(Transfer, half_close_a_client_that_has_sent_everything_still_gets_everything) {
    TestPair pair;
    pair.machine.thread("server", 10, [&](ThreadContext& self) {
        auto listener = TcpSocket::listen(*pair.b.net, self, kPort, 5);
        if (!listener) return ADD_FAILURE();
        auto s = listener->accept(self, kForever);
        if (!s) return ADD_FAILURE();
        EXPECT_EQ(read_pattern(*s, self), 100'000U);
        send_pattern(*s, self, 200'000, 2000);
        s->close(self);
        listener->close(self);
    });
    pair.machine.thread("client", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(10));
        auto s = TcpSocket::connect(*pair.a.net, self, {pair.b.address, kPort}, kForever);
        if (!s) return ADD_FAILURE();
        send_pattern(*s, self, 100'000, 3000);
        EXPECT_TRUE(s->shutdown_send(self));
        EXPECT_EQ(read_pattern(*s, self), 200'000U);
        s->close(self);
    });
    pair.run();
}

TEST(Transfer, both_ways_at_once) {
    TestPair pair;
    const auto both = [](TestPair& p, TcpSocket& s, ThreadContext& self, std::size_t total) {
        const auto bytes = pattern_bytes(total);
        std::array<std::byte, 3000> buffer;
        std::size_t sent = 0;
        std::size_t got = 0;
        while (sent < total || got < total) {
            if (sent < total) {
                const std::size_t n = std::min<std::size_t>(2000, total - sent);
                sent += s.send(self, std::span{bytes}.subspan(sent, n), self.now()).sent;
            }
            const auto n = s.recv(self, buffer, self.now() + Duration::from_ms(1));
            if (!n) continue;
            if (*n == 0) break;
            for (std::size_t i = 0; i < *n; ++i) EXPECT_EQ(buffer[i], pattern_at(got + i));
            got += *n;
        }
        EXPECT_EQ(got, total);
        (void)p;
    };
    pair.machine.thread("server", 10, [&](ThreadContext& self) {
        auto listener = TcpSocket::listen(*pair.b.net, self, kPort, 5);
        if (!listener) return ADD_FAILURE();
        auto s = listener->accept(self, kForever);
        if (!s) return ADD_FAILURE();
        both(pair, *s, self, 300'000);
        s->close(self);
        listener->close(self);
    });
    pair.machine.thread("client", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(10));
        auto s = TcpSocket::connect(*pair.a.net, self, {pair.b.address, kPort}, kForever);
        if (!s) return ADD_FAILURE();
        both(pair, *s, self, 300'000);
        s->close(self);
    });
    pair.run();
}

TEST(Transfer, survives_the_loss_of_any_one_allocation) {
    for (std::uint32_t n = 1; n < 200; n += 3) {
        TestPair pair;
        pair.machine.thread("server", 10, [&](ThreadContext& self) {
            auto listener = TcpSocket::listen(*pair.b.net, self, kPort, 5);
            if (!listener) return ADD_FAILURE();
            auto s = listener->accept(self, kForever);
            if (!s) return ADD_FAILURE();
            send_pattern(*s, self, 60'000, 2000);
            s->close(self);
            listener->close(self);
        });
        pair.machine.thread("client", 10, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(10));
            pair.b.pool.fail_nth(n);
            auto s = TcpSocket::connect(*pair.a.net, self, {pair.b.address, kPort}, kForever);
            if (!s) return ADD_FAILURE() << n;
            EXPECT_EQ(read_pattern(*s, self), 60'000U) << n;
            s->close(self);
        });
        pair.run();
        if (HasFailure()) break;
    }
}

}  // namespace transfer_test
}  // namespace kyu::net
