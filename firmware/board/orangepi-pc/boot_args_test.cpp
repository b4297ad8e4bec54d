#include "board/orangepi-pc/boot_args.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kyu::board {
namespace boot_args_test {

std::string page_with(std::string_view text, char rest = '\0') {
    std::string page(4096, rest);
    page.replace(0, text.size(), text);
    return page;
}

TEST(BootArgs, are_the_text_between_the_mark_and_the_nul) {
    const std::string page = page_with("KYUARGS1 ip=192.168.0.73/24 seed=7");
    EXPECT_EQ(find_boot_args(page), "ip=192.168.0.73/24 seed=7");
}

TEST(BootArgs, are_empty_when_the_mark_is_missing_or_damaged) {
    EXPECT_EQ(find_boot_args(page_with("")), "");
    EXPECT_EQ(find_boot_args(page_with("KYUARGS2 seed=7")), "");
    EXPECT_EQ(find_boot_args(page_with("KYUARGS1")), "");
    EXPECT_EQ(find_boot_args(page_with(" KYUARGS1 seed=7")), "");
    EXPECT_EQ(find_boot_args(page_with("", '\xFF')), "");
    EXPECT_EQ(find_boot_args(std::string_view{"KYUA"}), "");
}

TEST(BootArgs, never_reach_beyond_a_page_without_an_end) {
    const std::string page = page_with("KYUARGS1 ", 'x');
    EXPECT_EQ(find_boot_args(page).size(), page.size() - kBootArgsMark.size());
}

TEST(BootArgs, end_at_the_first_control_character) {
    EXPECT_EQ(find_boot_args(page_with("KYUARGS1 seed=7\nmac=1")), "seed=7");
    EXPECT_EQ(find_boot_args(page_with("KYUARGS1 \x01seed=7")), "");
    EXPECT_EQ(find_boot_args(page_with("KYUARGS1 a=1\x7F")), "a=1");
}

TEST(BootArgs, find_a_key_by_its_whole_name) {
    const std::string_view args = "ip=dhcp  seed=7 seedling=9 watchdog";
    EXPECT_EQ(boot_arg(args, "seed"), "7");
    EXPECT_EQ(boot_arg(args, "ip"), "dhcp");
    EXPECT_EQ(boot_arg(args, "see"), "");
    EXPECT_TRUE(has_boot_arg(args, "watchdog"));
    EXPECT_EQ(boot_arg(args, "watchdog"), "");
    EXPECT_FALSE(has_boot_arg(args, "dog"));
}

TEST(BootArgs, let_the_last_of_repeated_keys_win) {
    EXPECT_EQ(boot_arg("ip=1 ip=2", "ip"), "2");
    EXPECT_EQ(boot_arg("ip=1 ip", "ip"), "");
}

TEST(BootArgs, keep_everything_behind_the_first_equals_sign) {
    EXPECT_EQ(boot_arg("defect=panic:3=x", "defect"), "panic:3=x");
    EXPECT_EQ(boot_arg("=5", ""), "");
    EXPECT_FALSE(has_boot_arg("", "ip"));
    EXPECT_FALSE(has_boot_arg("   ", "ip"));
}

}  // namespace boot_args_test
}  // namespace kyu::board
