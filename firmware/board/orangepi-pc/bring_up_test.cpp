#include "board/orangepi-pc/bring_up.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace kyu::board {
namespace bring_up_test {

/// Registers that keep what is written, and who wrote what first.
struct Chip {
    std::map<std::uint32_t, std::uint32_t> words;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> writes;
};
struct ChipIo {
    Chip* chip;
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) const { return chip->words[offset]; }
    void write(std::uint32_t offset, std::uint32_t value) const {
        chip->words[offset] = value;
        chip->writes.emplace_back(offset, value);
    }
};

TEST(EnableUart0, gives_the_console_its_clock_and_pins_and_leaves_the_others) {
    Chip ccu;
    Chip pio;
    pio.words[0x00] = 0x7755'7777;  // pins 4 and 5 elsewhere
    ccu.words[0x2D8] = 1;
    enable_uart0(ChipIo{&ccu}, ChipIo{&pio});
    EXPECT_EQ(pio.words[0x00], 0x7722'7777U) << "functions of pins 4 and 5 are 2";
    EXPECT_EQ(ccu.words[0x68], 1U << 5U);
    EXPECT_EQ(ccu.words[0x6C], 1U << 16U);
    EXPECT_EQ(ccu.words[0x2D8], (1U << 16U) | 1U);
}

TEST(EnableEmac, leads_to_the_value_that_u_boot_leaves_on_a_board) {
    Chip ccu;
    Chip system;
    system.words[0x30] = 0x0005'8000;  // reset value: internal PHY, crystal, powered down
    enable_emac(ChipIo{&ccu}, ChipIo{&system}, [](int) {});
    EXPECT_EQ(system.words[0x30], 0x0014'8000U);
    EXPECT_EQ(ccu.words[0x60], 1U << 17U);
    EXPECT_EQ(ccu.words[0x70], 1U);
    EXPECT_EQ(ccu.words[0x2C0], 1U << 17U);
    EXPECT_EQ(ccu.words[0x2C8], 1U << 2U);
}

TEST(EnableEmac, resets_a_phy_that_was_half_set_up_before_it_releases_it) {
    Chip ccu;
    Chip system;
    ccu.words[0x2C8] = 1U << 2U;
    std::vector<std::uint32_t> reset_while_waiting;
    enable_emac(ChipIo{&ccu}, ChipIo{&system},
                [&](int) { reset_while_waiting.push_back(ccu.words[0x2C8]); });
    ASSERT_EQ(reset_while_waiting.size(), 2U);
    EXPECT_EQ(reset_while_waiting[0], 0U);
    EXPECT_EQ(reset_while_waiting[1], 1U << 2U);
}

}  // namespace bring_up_test
}  // namespace kyu::board
