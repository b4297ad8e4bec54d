// speed: how many clean `big` transfers a second two simulated boards make on this machine.
//
//     build/host/firmware/apps/simserver/sim_speed [TRANSFERS [LOST_PER_MILLE]]
//
// Context   the host; one thread. Every byte is compared; a wrong one ends the program with 1.
// Time      of the processor: other programs on the machine do not count.
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "apps/simserver/sim_board.hpp"
#include "port/host/world.hpp"
#include "services/wangdoodle/pattern.hpp"

namespace kyu::app {
namespace {

constexpr net::Ipv4 kServer{10, 0, 0, 1};
constexpr net::Ipv4 kClient{10, 0, 0, 2};

/// Asks for `big` once and compares as the bytes come. False: not the stream.
bool fetch(SimBoard& board, ThreadContext& self, std::span<const std::byte> expected) {
    auto socket =
        net::TcpSocket::connect(board.net(), self, {kServer, wangdoodle::kPort}, Instant::never());
    if (!socket) return false;
    constexpr std::string_view kLine = "big\n";
    bool good = true;
    std::size_t at = 0;
    if (!socket->send(self, std::as_bytes(std::span{kLine}), Instant::never()).status) good = false;
    static std::array<std::byte, 65536> piece;  // one client, and stacks are small
    while (good && at < expected.size()) {
        const auto got = socket->recv(self, piece, Instant::never());
        if (!got || *got == 0 || *got > expected.size() - at) break;
        good = std::memcmp(piece.data(), expected.data() + at, *got) == 0;
        at += *got;
    }
    socket->close(self);
    return good && at == expected.size();
}

int measure(unsigned transfers, unsigned lost_per_mille) {
    auto server =
        std::make_unique<SimBoard>(SimBoardConfig{.name = "server", .address = kServer, .seed = 1});
    auto client =
        std::make_unique<SimBoard>(SimBoardConfig{.name = "client", .address = kClient, .seed = 2});
    host::World world;
    world.join(*server);
    world.join(*client);
    const host::FatePlan plan{.delay = Duration::from_us(100),
                              .loss = host::Chance::of(lost_per_mille / 1000.0)};
    world.wire(*server, *client, host::Fates::from_seed(plan, 1), host::Fates::from_seed(plan, 2));
    world.run_for(Duration::from_s(1));

    std::vector<std::byte> expected(wangdoodle::kBigBytes);
    wangdoodle::fill_big(std::span{expected}.first<wangdoodle::kBigBytes>());
    unsigned good = 0;
    bool over = false;
    client->spawn("client", [&](ThreadContext& self) {
        while (good < transfers && fetch(*client, self, expected)) ++good;
        over = true;
    });
    const std::clock_t begin = std::clock();
    world.run_for(Duration::from_s(1'000'000), [&] { return over; });
    const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    std::printf("%u transfers in %.2f s: %.0f a second; %.1f events each, hash %016llx\n", good,
                took, good / took, static_cast<double>(world.events()) / good,
                static_cast<unsigned long long>(world.hash()));
    return good == transfers ? 0 : 1;
}

}  // namespace
}  // namespace kyu::app

int main(int argc, char** argv) {
    unsigned transfers = 2000;
    unsigned lost_per_mille = 0;
    if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), transfers);
    if (argc > 2) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), lost_per_mille);
    return kyu::app::measure(transfers, lost_per_mille);
}
