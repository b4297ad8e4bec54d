// The registers that the H3 documents, written in an order in which it never bites by mistake.
#include "drivers/watchdog/watchdog.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace kyu::watchdog {
namespace watchdog_test {

struct Script {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> writes;
    static std::uint32_t read(std::uint32_t /*offset*/) { return 0; }
    void write(std::uint32_t offset, std::uint32_t value) { writes.emplace_back(offset, value); }
};
using Writes = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

TEST(HardwareWatchdog, is_fed_with_its_key) {
    Script io;
    feed(io);
    EXPECT_EQ(io.writes, (Writes{{0x10, (0xA57U << 1U) | 1U}}));
}

TEST(HardwareWatchdog, resets_the_whole_system_and_starts_with_a_full_period) {
    Script io;
    start(io, 16);
    EXPECT_EQ(io.writes, (Writes{{0x14, 1}, {0x18, 0xB1}, {0x10, 0x14AF}}));
}

TEST(HardwareWatchdog, takes_the_next_longer_period_that_there_is) {
    EXPECT_EQ(period_code(1), 1U);
    EXPECT_EQ(period_code(6), 6U);
    EXPECT_EQ(period_code(7), 7U) << "8 s";
    EXPECT_EQ(period_code(9), 8U) << "10 s";
    EXPECT_EQ(period_code(13), 10U) << "14 s";
    EXPECT_EQ(period_code(kLongestS), 11U);
}

TEST(HardwareWatchdog, can_be_turned_off_and_can_restart_at_once) {
    Script io;
    stop(io);
    restart_system(io);
    EXPECT_EQ(io.writes, (Writes{{0x18, 0}, {0x14, 1}, {0x18, 1}}));
}

}  // namespace watchdog_test
}  // namespace kyu::watchdog
