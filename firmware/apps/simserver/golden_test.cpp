// A crowd of boards on a bad hub, and the number that its whole history comes to.
//
// Rules     The golden value holds in every build and with every compiler. It changes when what the
//           stack sends, or when, is changed on purpose: then the test prints the new one. A value
//           that differs between two builds of one source is a bug: something read an address, a
//           hash map's order or memory that nobody had set.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/simserver/sim_board.hpp"
#include "port/host/world.hpp"
#include "services/wangdoodle/pattern.hpp"

namespace kyu::app {
namespace golden_test {

using host::Chance;
using host::WorldStop;

// This file has a client of its own: the golden value must not move with another test's helper.
std::vector<std::byte> fetch_big(SimBoard& client, ThreadContext& self, net::Ipv4 server) {
    std::vector<std::byte> got;
    auto s =
        net::TcpSocket::connect(client.net(), self, {server, wangdoodle::kPort}, Instant::never());
    if (!s) return got;
    std::array<std::byte, 4096> piece;
    constexpr std::string_view kLine = "big\n";
    if (s->send(self, std::as_bytes(std::span{kLine}), Instant::never()).status) {
        while (got.size() < wangdoodle::kBigBytes) {
            const auto n = s->recv(self, piece, Instant::never());
            if (!n || *n == 0) break;
            got.insert(got.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*n));
        }
    }
    s->close(self);
    return got;
}

std::vector<std::byte> expected_big() {
    std::vector<std::byte> bytes(wangdoodle::kBigBytes);
    wangdoodle::fill_big(std::span{bytes}.first<wangdoodle::kBigBytes>());
    return bytes;
}

/// `count` boards, each of which fetches `big` from the next one, all at once.
struct Ring {
    std::vector<std::unique_ptr<SimBoard>> boards;
    host::World world;
    const std::vector<std::byte> expected{expected_big()};
    unsigned good{0};
    unsigned over{0};

    Ring(std::size_t count, const host::FatePlan& plan, std::uint64_t seed) {
        std::vector<host::Host*> hosts;
        std::vector<host::Fates> fates;
        for (std::size_t i = 0; i < count; ++i) {
            const auto number = static_cast<std::uint8_t>(i + 1);
            boards.push_back(
                std::make_unique<SimBoard>(SimBoardConfig{.name = "board-" + std::to_string(i),
                                                          .address = net::Ipv4{10, 0, 0, number},
                                                          .seed = seed * 1000 + i}));
            world.join(*boards.back());
            hosts.push_back(boards.back().get());
            fates.push_back(host::Fates::from_seed(plan, seed * 2000 + i));
        }
        world.hub(hosts, std::move(fates));
        world.run_for(Duration::from_ms(50));
        for (std::size_t i = 0; i < count; ++i) start(*boards[i], *boards[(i + 1) % count]);
    }
    void start(SimBoard& client, SimBoard& server) {
        client.spawn("client", [this, &client, &server](ThreadContext& self) {
            if (fetch_big(client, self, server.config().address) == expected) ++good;
            ++over;
        });
    }
    host::WorldStop run() {
        return world.run_for(Duration::from_s(600), [this] { return over == boards.size(); });
    }
};

host::FatePlan everything_bad() {
    return {.delay = Duration::from_us(150),
            .jitter = Duration::from_us(60),
            .rate_bytes_per_s = 12'500'000,
            .loss = Chance::of(0.01),
            .burst_start = Chance::of(0.001),
            .burst_end = Chance::of(0.3),
            .duplicate = Chance::of(0.01),
            .reorder = Chance::of(0.01),
            .corrupt = Chance::of(0.01),
            .truncate = Chance::of(0.01),
            .flaps = {{Instant::from_us(200'000), Instant::from_us(300'000)}}};
}

TEST(Golden, ThreeBoardsOnABadHubMakeTheSameHistoryInEveryBuild) {
    Ring ring{3, everything_bad(), 1};
    EXPECT_EQ(ring.run(), WorldStop::asked);
    EXPECT_EQ(ring.good, 3U);
    constexpr std::uint64_t kGolden = 11'145'385'493'102'228'564U;
    EXPECT_EQ(ring.world.hash(), kGolden) << ring.world.events() << " events";
}

TEST(Golden, ABoardThatIsOnlyWatchedMakesTheSameHistory) {
    Ring watched{2, everything_bad(), 2};
    Ring alone{2, everything_bad(), 2};
    // The driver stops every millisecond and looks at every counter.
    while (watched.over < 2 && watched.world.now() < Instant::from_us(600'000'000)) {
        watched.world.run_for(Duration::from_ms(1));
        for (const auto& board : watched.boards) {
            board->counters([](std::string_view, std::uint64_t) {});
        }
    }
    alone.run();
    alone.world.run_until(watched.world.now());
    EXPECT_EQ(watched.good, 2U);
    EXPECT_EQ(watched.world.hash(), alone.world.hash());
}

TEST(Golden, TwelveBoardsShareAHub) {
    Ring ring{12, {.delay = Duration::from_us(100)}, 3};
    EXPECT_EQ(ring.run(), WorldStop::asked);
    EXPECT_EQ(ring.good, 12U);
    ring.world.run_for(Duration::from_s(300));  // until no TIME_WAIT is left
    for (const auto& board : ring.boards) {
        std::map<std::string, std::uint64_t> at_rest;
        board->counters(
            [&](std::string_view name, std::uint64_t n) { at_rest[std::string{name}] = n; });
        EXPECT_EQ(at_rest["clusters_used"], 0U) << board->name();
        EXPECT_EQ(at_rest["mbufs_used"], 0U) << board->name();
        EXPECT_EQ(at_rest["connections_used"], 0U) << board->name();
    }
}

TEST(Golden, AMillionSecondsOfSilencePassInAMoment) {
    Ring ring{2, {.delay = Duration::from_us(100)}, 4};
    ring.run();
    const std::uint64_t before = ring.world.events();
    EXPECT_EQ(ring.world.run_for(Duration::from_s(1'000'000)), WorldStop::limit);
    EXPECT_GE(ring.world.now(), Instant::from_us(1'000'000'000'000));
    EXPECT_LT(ring.world.events() - before, 1000U) << "nobody talks for ever";
    ring.start(*ring.boards[0], *ring.boards[1]);
    ring.world.run_for(Duration::from_s(10));
    EXPECT_EQ(ring.good, 3U) << "and the boards are as well as before";
}

}  // namespace golden_test
}  // namespace kyu::app
