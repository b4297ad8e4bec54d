// bsd-pitfalls B1 and B2: whichever one allocation fails, a transfer completes or its caller is
// told, and every pool returns to its baseline.
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "net/socket/calls.hpp"
#include "net/socket/pair_test_support.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net {
namespace nth_allocation_test {

using test::pattern_at;
using test::pattern_bytes;
using test::TestPair;

constexpr std::uint16_t kPort = 114;
constexpr std::size_t kBytes = 30'000;
constexpr std::size_t kChunk = 5'000;
const Instant kForever = Instant::never();

/// What one end of a transfer came to.
struct End {
    std::size_t sent{0};
    std::size_t received{0};
    bool wrong{false};
    std::optional<SocketError> error{};
    [[nodiscard]] bool complete() const { return sent == kBytes && received == kBytes && !error; }
};

void send_all(TcpSocket& s, ThreadContext& self, End& end) {
    const auto bytes = pattern_bytes(kBytes);
    while (end.sent < kBytes && !end.error) {
        const auto out = s.send(self, std::span{bytes}.subspan(end.sent, kChunk), kForever);
        end.sent += out.sent;
        if (!out.status) end.error = out.status.error();
    }
}

void take_all(TcpSocket& s, ThreadContext& self, End& end) {
    std::array<std::byte, 3000> piece{};
    while (end.received < kBytes && !end.error) {
        const auto n = s.recv(self, piece, kForever);
        if (!n) {
            end.error = n.error();
        } else if (*n == 0) {
            end.error = SocketError::closed;
        } else {
            for (std::size_t i = 0; i < *n; ++i) {
                end.wrong |= piece[i] != pattern_at(end.received + i);
            }
            end.received += *n;
        }
    }
}

/// One transfer there and back, with `prepare(pair)` before it.
class There {
    std::unique_ptr<TestPair> pair_;
    std::string left_;  ///< pools that are not at their baseline when everything is over

    void look(ThreadContext& self, test::TestHost& host) {
        NetGuard guard{*host.net, self};
        const TcpState& tcp = guard->tcp;
        const auto used = [this](const char* name, const PoolStats& pool) {
            if (pool.used > 0) left_ += std::string{name} + " " + std::to_string(pool.used) + " ";
        };
        used("mbufs", host.pool.segment_stats());
        used("clusters", host.pool.cluster_stats());
        used("sockets", tcp.sockets.stats());
        used("connections", tcp.connections.stats());
        used("out of order", tcp.reassembly.stats());
        used("half-open", tcp.syn_cache.stats());
        used("time-wait", tcp.time_wait.stats());
    }

public:
    End server;
    End client;

    template <typename Prepare>
    explicit There(Prepare prepare, const test::WireFates& fates = {})
        : pair_(std::make_unique<TestPair>(fates)) {
        TestPair& pair = *pair_;
        prepare(pair);
        pair.machine.thread("server", 10, [&](ThreadContext& self) {
            auto listener = TcpSocket::listen(*pair.b.net, self, kPort, 5);
            if (!listener) {
                server.error = listener.error();
                return;
            }
            auto s = listener->accept(self, self.now() + Duration::from_s(100));
            if (s) {
                take_all(*s, self, server);
                send_all(*s, self, server);
                s->close(self);
            } else {
                server.error = s.error();
            }
            listener->close(self);
        });
        pair.machine.thread("client", 10, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(10));
            auto s = TcpSocket::connect(*pair.a.net, self, {pair.b.address, kPort}, kForever);
            if (!s) {
                client.error = s.error();
                return;
            }
            send_all(*s, self, client);
            take_all(*s, self, client);
            s->close(self);
        });
        // Long enough for every retransmission, orphan and TIME_WAIT.
        pair.machine.thread("clock", 20, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_s(400));
            for (test::TestHost* h : {&pair.a, &pair.b}) look(self, *h);
        });
        pair.run();
    }

    [[nodiscard]] std::uint32_t failed() const {
        std::uint32_t sum = 0;
        for (const test::TestHost* h : {&pair_->a, &pair_->b}) {
            sum += h->pool.segment_stats().failed + h->pool.cluster_stats().failed;
        }
        return sum;
    }

    void expect_baseline(const std::string& what) const { EXPECT_EQ(left_, "") << what; }
    void expect_complete_or_told(const std::string& what) {
        EXPECT_TRUE(server.complete() || server.error) << what;
        EXPECT_TRUE(client.complete() || client.error) << what;
        EXPECT_FALSE(server.wrong || client.wrong) << what;
    }
};

/// Whose allocation fails, and what the wire does meanwhile.
struct Trouble {
    bool of_server;
    unsigned lost_per_mille;
};
class NthAllocation : public ::testing::TestWithParam<Trouble> {};

TEST_P(NthAllocation, every_one_that_fails_leaves_a_transfer_whole_or_told_and_no_pool_short) {
    const bool of_server = GetParam().of_server;
    std::uint32_t n = 1;
    unsigned complete = 0;
    for (;; ++n) {
        There there{[&](TestPair& pair) { (of_server ? pair.b : pair.a).pool.fail_nth(n); },
                    {.lost = GetParam().lost_per_mille, .seed = n}};
        const std::string what = "allocation " + std::to_string(n);
        there.expect_complete_or_told(what);
        there.expect_baseline(what);
        if (there.client.complete() && there.server.complete()) ++complete;
        if (there.failed() == 0 || HasFailure()) break;
    }
    EXPECT_GT(n, 100U) << "a transfer needs more than that";
    EXPECT_EQ(complete, n) << "one lost packet buffer is never worse than one lost frame";
}

INSTANTIATE_TEST_SUITE_P(Of, NthAllocation,
                         ::testing::Values(Trouble{false, 0}, Trouble{true, 0}, Trouble{false, 50},
                                           Trouble{true, 50}),
                         [](const auto& each) {
                             return std::string{each.param.of_server ? "server" : "client"} +
                                    (each.param.lost_per_mille > 0 ? "_and_frames_lost" : "");
                         });

/// Sockets and connection blocks come from pools of their own.
TEST(NoRoom, for_a_socket_is_told_to_who_connects) {
    std::vector<SocketId> taken;
    There there{[&](TestPair& pair) {
        pair.machine.thread("hog", 9, [&](ThreadContext& self) {
            for (std::uint16_t port = 1000;; ++port) {
                NetGuard guard{*pair.a.net, self};
                const auto id = tcp_usr_listen(*guard, port, 1);
                if (!id) break;
                taken.push_back(*id);
            }
            self.sleep_for(Duration::from_s(50));
            for (const SocketId id : taken) {
                NetGuard guard{*pair.a.net, self};
                soclose(guard, id);
            }
        });
    }};
    EXPECT_EQ(taken.size(), kSocketsMax);
    EXPECT_EQ(there.client.error, SocketError::no_memory);
    there.expect_baseline("no sockets");
}

TEST(NoRoom, for_an_accepted_socket_holds_the_client_until_there_is_some) {
    std::vector<SocketId> taken;
    There there{[&](TestPair& pair) {
        pair.machine.thread("hog", 11, [&](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(5));  // the server has its listener
            for (std::uint16_t port = 1000;; ++port) {
                NetGuard guard{*pair.b.net, self};
                const auto id = tcp_usr_listen(*guard, port, 1);
                if (!id) break;
                taken.push_back(*id);
            }
            self.sleep_for(Duration::from_s(3));
            for (const SocketId id : taken) {
                NetGuard guard{*pair.b.net, self};
                soclose(guard, id);
            }
        });
    }};
    EXPECT_EQ(taken.size(), kSocketsMax - 1);
    EXPECT_TRUE(there.server.complete() && there.client.complete());
    there.expect_baseline("no sockets for a while");
}

}  // namespace nth_allocation_test
}  // namespace kyu::net
