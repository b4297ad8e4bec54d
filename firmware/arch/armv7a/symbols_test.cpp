#include "arch/armv7a/symbols.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kyu::arch {
namespace symbols_test {

using namespace std::string_view_literals;

constexpr std::uint32_t kBegin = 0x4000'8000;
constexpr std::array<std::uint16_t, 3> kSteps{0x100, 0x100 | 1, 0xE00};
constexpr std::array<std::uint16_t, 3> kNames{0, 7, 15};
const SymbolTable kTable{kBegin, kSteps, kNames, "_start\0m_copym\0sosend\0"sv};

TEST(FindSymbol, names_the_function_around_an_address) {
    EXPECT_EQ(find_symbol(kTable, 0x4000'81DC).name, "m_copym");
    EXPECT_EQ(find_symbol(kTable, 0x4000'81DC).offset, 0xDCU);
    EXPECT_EQ(find_symbol(kTable, 0x4000'8000).name, "_start");
    EXPECT_EQ(find_symbol(kTable, 0x4000'8FFF).name, "sosend");
}

TEST(FindSymbol, knows_in_which_state_a_function_runs) {
    EXPECT_FALSE(find_symbol(kTable, 0x4000'80FE).thumb);
    EXPECT_TRUE(find_symbol(kTable, 0x4000'8100).thumb);
    EXPECT_TRUE(find_symbol(kTable, 0x4000'81FF).thumb);
    EXPECT_FALSE(find_symbol(kTable, 0x4000'8200).thumb);
}

TEST(FindSymbol, knows_nothing_outside_of_the_text) {
    EXPECT_EQ(find_symbol(kTable, 0x4000'7FFF).name, "");
    EXPECT_EQ(find_symbol(kTable, 0x4000'9000).name, "");
    EXPECT_EQ(find_symbol(kTable, 0).name, "");
    EXPECT_EQ(find_symbol(kTable, 0xFFFF'FFFF).name, "");
}

TEST(FindSymbol, finds_nothing_in_the_empty_table_of_the_first_link) {
    EXPECT_EQ(find_symbol({}, 0x4000'8000).name, "");
}

TEST(FindFunction, knows_where_a_name_begins_and_how_often_it_is_there) {
    EXPECT_EQ(find_function(kTable, "m_copym").address, 0x4000'8100U);
    EXPECT_EQ(find_function(kTable, "m_copym").count, 1U);
    for (const char* nobody : {"", "m_copy", "m_copymm"}) {
        EXPECT_EQ(find_function(kTable, nobody).count, 0U) << nobody;
    }
    constexpr std::array<std::uint16_t, 3> kTwice{7, 15, 7};
    const NamedFunction twice = find_function({kBegin, kSteps, kTwice, kTable.text}, "m_copym");
    EXPECT_EQ(twice.count, 2U);
    EXPECT_EQ(twice.address, 0x4000'8000U);
    constexpr std::array<std::uint16_t, 3> kWild{7000, 15, 7000};
    EXPECT_EQ(find_function({kBegin, kSteps, kWild, kTable.text}, "sosend").count, 1U);
}

TEST(FindSymbol, does_not_read_behind_a_damaged_table) {
    constexpr std::array<std::uint16_t, 3> kWild{0, 7000, 15};
    EXPECT_EQ(find_symbol({kBegin, kSteps, kWild, "_start\0"sv}, 0x4000'8100).name, "");
    EXPECT_EQ(find_symbol({kBegin, kSteps, {}, ""sv}, 0x4000'8100).name, "");
}

}  // namespace symbols_test
}  // namespace kyu::arch
