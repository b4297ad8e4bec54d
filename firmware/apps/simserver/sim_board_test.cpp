#include "apps/simserver/sim_board.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "port/host/world.hpp"
#include "services/wangdoodle/pattern.hpp"

namespace kyu::app {
namespace sim_board_test {

using host::Chance;
using host::FatePlan;
using host::Fates;
using host::World;
using host::WorldStop;
using net::Ipv4;

// What a client of wangdoodle ends with.
struct Fetch {
    std::vector<std::byte> bytes;
    bool done{false};
    bool whole{false};
};

void fetch_big(SimBoard& board, ThreadContext& self, Ipv4 server, Fetch& fetch) {
    auto made = net::TcpSocket::connect(board.net(), self, {server, 114}, Instant::never());
    if (made) {
        net::TcpSocket socket = std::move(made).value();
        const std::string_view line = "big\n";
        auto sent = socket.send(self, std::as_bytes(std::span(line)), Instant::never());
        std::array<std::byte, 4096> piece{};
        while (sent.status) {
            auto got = socket.recv(self, piece, Instant::never());
            if (!got || *got == 0) break;
            fetch.bytes.insert(fetch.bytes.end(), piece.begin(), piece.begin() + *got);
        }
        if (socket.open()) socket.close(self);
    }
    std::vector<std::byte> expected(wangdoodle::kBigBytes);
    wangdoodle::fill_big(std::span<std::byte, wangdoodle::kBigBytes>(expected));
    fetch.whole = fetch.bytes == expected;
    fetch.done = true;
}

// A server and a client on one wire; one `big`, and what it came to. A board is too large for a
// stack.
struct TwoBoards {
    std::unique_ptr<SimBoard> server_memory = std::make_unique<SimBoard>(
        SimBoardConfig{.name = "server", .address = Ipv4{10, 0, 0, 1}, .seed = 1});
    std::unique_ptr<SimBoard> client_memory = std::make_unique<SimBoard>(
        SimBoardConfig{.name = "client", .address = Ipv4{10, 0, 0, 2}, .seed = 2});
    SimBoard& server = *server_memory;
    SimBoard& client = *client_memory;
    World world;
    Fetch fetch;

    explicit TwoBoards(const FatePlan& plan, std::uint64_t seed = 1) {
        world.join(server);
        world.join(client);
        world.wire(server, client, Fates::from_seed(plan, seed), Fates::from_seed(plan, seed + 1));
        world.run_until(Instant::from_us(1'000'000), [&] { return server.ready(); });
        client.spawn("client", [&](ThreadContext& self) {
            fetch_big(client, self, Ipv4{10, 0, 0, 1}, fetch);
        });
    }
    WorldStop run(Duration limit = Duration::from_s(120)) {
        return world.run_for(limit, [&] { return fetch.done; });
    }
};

constexpr Duration kDelay = Duration::from_us(200);

TEST(SimBoard, OneBoardFetchesBigFromAnotherByteExact) {
    TwoBoards boards{{.delay = kDelay}};
    EXPECT_EQ(boards.run(), WorldStop::asked);
    EXPECT_TRUE(boards.fetch.whole);
}

TEST(SimBoard, EveryFaultOfTheWireIsSurvivedByteExact) {
    const std::vector<FatePlan> plans{
        {.delay = kDelay, .loss = Chance::of(0.05)},
        {.delay = kDelay, .burst_start = Chance::of(0.005), .burst_end = Chance::of(0.2)},
        {.delay = kDelay, .duplicate = Chance::of(0.1)},
        {.delay = kDelay, .reorder = Chance::of(0.1)},
        {.delay = kDelay, .jitter = Duration::from_ms(2)},
        {.delay = kDelay, .corrupt = Chance::of(0.03)},
        {.delay = kDelay, .truncate = Chance::of(0.03)},
        {.delay = kDelay, .rate_bytes_per_s = 1'000'000},
        {.delay = kDelay, .flaps = {{Instant::from_us(10'000), Instant::from_us(900'000)}}},
    };
    for (std::size_t i = 0; i < plans.size(); ++i) {
        TwoBoards boards{plans[i], 10 * i};
        EXPECT_EQ(boards.run(), WorldStop::asked) << "plan " << i;
        EXPECT_TRUE(boards.fetch.whole) << "plan " << i;
    }
}

TEST(SimBoard, TheSameSeedGivesTheSameHashAndAnotherSeedAnother) {
    const FatePlan plan{.delay = kDelay, .loss = Chance::of(0.02)};
    const auto hash_of = [&](std::uint64_t seed) {
        TwoBoards boards{plan, seed};
        boards.run();
        return boards.world.hash();
    };
    EXPECT_EQ(hash_of(5), hash_of(5));
    EXPECT_NE(hash_of(5), hash_of(6));
}

TEST(SimBoard, AWorldWhereNothingHappensPassesQuarterOfAnHourAtOnce) {
    TwoBoards boards{{.delay = kDelay}};
    EXPECT_EQ(boards.run(), WorldStop::asked);
    EXPECT_EQ(boards.world.run_for(Duration::from_s(1'000)), WorldStop::limit);
    EXPECT_FALSE(boards.server.crashed());
}

// One `big` with every choice of both boards drawn from `choices`.
struct Explored {
    bool whole{false};
    bool crashed{false};
    std::uint64_t hash{0};
};

Explored explore(host::Choices& choices) {
    TwoBoards boards{{.delay = kDelay}};
    boards.server.machine().explore(&choices, 0);
    boards.client.machine().explore(&choices, 1);
    boards.run(Duration::from_s(600));
    return {boards.fetch.whole, boards.server.crashed() || boards.client.crashed(),
            boards.world.hash()};
}

TEST(SimBoard, ExploredSchedulesChangeTheOrderAndNeverTheBytes) {
    for (std::uint32_t seed = 1; seed <= 8; ++seed) {
        host::Choices each[]{host::Choices::random(seed, {.time = 10}),
                             host::Choices::random(seed, {.time = 0, .allocation = 200}),
                             host::Choices::pct(seed, 3, 2000, {.time = 10}),
                             host::Choices::round_robin(seed)};
        for (host::Choices& choices : each) {
            const Explored explored = explore(choices);
            EXPECT_TRUE(explored.whole) << "seed " << seed << ", chooser " << &choices - each;
            EXPECT_FALSE(explored.crashed);
            EXPECT_FALSE(choices.recorded().empty());
        }
    }
}

TEST(SimBoard, RecordedChoicesGiveTheSameHash) {
    host::Choices drawn = host::Choices::random(3, {.time = 10});
    const Explored first = explore(drawn);
    host::Choices again = host::Choices::replay(drawn.recorded());
    EXPECT_EQ(explore(again).hash, first.hash);
    EXPECT_EQ(again.recorded(), drawn.recorded());
    EXPECT_EQ(again.diverged(), 0U);

    host::Choices none = host::Choices::replay({});
    EXPECT_NE(explore(none).hash, first.hash);
}

}  // namespace sim_board_test
}  // namespace kyu::app
