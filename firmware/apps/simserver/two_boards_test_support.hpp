// For tests only: two whole boards, and the loads under which the planted bugs show.
//
// Rules     Board "board" may have a bug, "client" never has one. Everything is a function of the
//           seed.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "apps/simserver/sim_board.hpp"
#include "port/host/world.hpp"
#include "services/wangdoodle/pattern.hpp"

namespace kyu::app::test {

using host::WorldStop;
using net::Ipv4;
using net::TcpSocket;

inline constexpr std::size_t kGenBytes = 200'000;

struct Fetched {
    unsigned good{0};
    unsigned wrong{0};
    unsigned broken{0};
};

/// Sends `command` and reads to the end of `size` bytes, into `got`.
inline void ask(SimBoard& client, ThreadContext& self, Ipv4 server, const std::string& command,
                std::size_t size, std::vector<std::byte>& got) {
    got.clear();
    auto s = TcpSocket::connect(client.net(), self, {server, wangdoodle::kPort}, Instant::never());
    if (!s) return;
    std::array<std::byte, 4096> piece;
    if (s->send(self, std::as_bytes(std::span{command}), Instant::never()).status) {
        while (got.size() < size) {
            const auto n = s->recv(self, piece, Instant::never());
            if (!n || *n == 0) break;
            got.insert(got.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*n));
        }
    }
    s->close(self);
}

inline std::vector<std::byte> expected_big() {
    std::vector<std::byte> bytes(wangdoodle::kBigBytes);
    wangdoodle::fill_big(std::span{bytes}.first<wangdoodle::kBigBytes>());
    return bytes;
}

class TwoBoards {
    std::mt19937 random_;
    std::deque<std::vector<std::byte>> received_;

public:
    // A board is too large for a stack.
    std::unique_ptr<SimBoard> board_memory;
    std::unique_ptr<SimBoard> client_memory;
    SimBoard& board{*board_memory};
    SimBoard& client{*client_memory};
    host::World world;
    Fetched fetched;
    unsigned running{0};

    explicit TwoBoards(MissionBug bug, std::uint32_t seed = 1)
        : random_(seed),
          board_memory(std::make_unique<SimBoard>(SimBoardConfig{
              .name = "board", .address = {10, 0, 0, 1}, .seed = seed, .bug = PlantedBug{bug}})),
          client_memory(std::make_unique<SimBoard>(SimBoardConfig{
              .name = "client", .address = {10, 0, 0, 2}, .seed = std::uint64_t{seed} + 1})) {
        world.join(board);
        world.join(client);
        const host::FatePlan plan{.delay = Duration::from_us(50)};
        world.wire(board, client, host::Fates::from_seed(plan, seed),
                   host::Fates::from_seed(plan, seed + 1));
        world.run_for(Duration::from_ms(100));
    }
    /// Kernel calls of the board take time, one in `every` up to `most`: frames come meanwhile.
    void keep_busy(unsigned every, Duration most) {
        board.machine().on_scheduling_point([this, every, most](host::Machine& m) {
            if (random_() % every != 0) return;
            m.spend(Duration::from_us(1 + random_() % static_cast<std::uint32_t>(most.us())));
        });
    }
    /// `clients` at a time, each sends `command` `times` times and compares what comes.
    void fetch(unsigned clients, unsigned times, const std::string& command,
               const std::vector<std::byte>& expected) {
        for (unsigned i = 0; i < clients; ++i) {
            ++running;
            // Not on the thread's stack, which is dropped, not unwound, when the test ends.
            std::vector<std::byte>& got = received_.emplace_back();
            client.spawn("fetch", [this, times, command, expected, &got](ThreadContext& self) {
                for (unsigned n = 0; n < times; ++n) {
                    ask(client, self, board.config().address, command, expected.size(), got);
                    if (got == expected) {
                        ++fetched.good;
                    } else {
                        ++(got.size() == expected.size() ? fetched.wrong : fetched.broken);
                    }
                }
                --running;
            });
        }
    }
    WorldStop run(Duration limit) {
        return world.run_for(limit, [this] { return running == 0; });
    }
    std::map<std::string, std::uint64_t> counters(SimBoard& of) {
        std::map<std::string, std::uint64_t> all;
        of.counters(
            [&](std::string_view name, std::uint64_t value) { all[std::string(name)] = value; });
        return all;
    }
    [[nodiscard]] bool waits(std::string_view thread, std::string_view what) {
        for (Thread& t : board.machine().kernel().threads()) {
            if (t.waits_in() == nullptr) continue;
            const std::string in = std::string(t.waits_in()->kind()) + " " + t.waits_in()->name();
            if (std::string_view{t.name()}.starts_with(thread) && in == what) return true;
        }
        return false;
    }
};

inline std::vector<std::byte> expected_gen(std::size_t size) {
    std::vector<std::byte> bytes(size);
    wangdoodle::GenStream{1}.fill(0, bytes);
    return bytes;
}

/// Written in odd pieces.
inline const std::string kOddGen = "gen 1 " + std::to_string(kGenBytes) + " 2047\n";
inline constexpr Duration kLong = Duration::from_s(120);

// ---- The loads -----------------------------------------------------------------------------

inline WorldStop fetch_big_often(TwoBoards& two) {
    two.keep_busy(10, Duration::from_ms(3));
    two.fetch(1, 1000, "big\n", expected_big());
    return two.run(Duration::from_s(300));
}
inline WorldStop fetch_big_thrice_at_once(TwoBoards& two) {
    two.fetch(3, 3, "big\n", expected_big());
    return two.run(kLong);
}
inline WorldStop fetch_odd_pieces(TwoBoards& two) {
    two.fetch(1, 2, kOddGen, expected_gen(kGenBytes));
    return two.run(kLong);
}
inline WorldStop come_and_go(TwoBoards& two) {
    two.fetch(4, 120, "gen 1 500\nq\n", expected_gen(500));
    return two.run(kLong);
}

}  // namespace kyu::app::test
