#include "base/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace kyu {
namespace text_test {

template <typename... Args>
std::string made(std::string_view format, const Args&... args) {
    TextBuffer<400> out;
    print(out, format, args...);
    return std::string{out.view()};
}

TEST(Text, fills_places_in_order) {
    EXPECT_EQ(made("{} and {}, {}", 1, "two", '3'), "1 and two, 3");
    EXPECT_EQ(made("no places"), "no places");
    EXPECT_EQ(made(""), "");
    EXPECT_EQ(made("{}", true), "yes");
}

TEST(Text, writes_numbers_to_their_limits) {
    EXPECT_EQ(made("{}", std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(made("{}", std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    EXPECT_EQ(made("{:x}", std::numeric_limits<std::uint64_t>::max()), "ffffffffffffffff");
    EXPECT_EQ(made("{} {}", std::int8_t{-128}, std::uint8_t{255}), "-128 255");
    EXPECT_EQ(made("{:x}", 0), "0");
}

TEST(Text, pads_and_fills) {
    EXPECT_EQ(made("[{:>6}]", 42), "[    42]");
    EXPECT_EQ(made("[{:<6}]", 42), "[42    ]");
    EXPECT_EQ(made("[{:6}]", 42), "[    42]");
    EXPECT_EQ(made("[{:6}]", "ab"), "[ab    ]");
    EXPECT_EQ(made("[{:>6}]", "ab"), "[    ab]");
    EXPECT_EQ(made("{:08x}", 0xBEEFU), "0000beef");
    EXPECT_EQ(made("[{:06}]", -42), "[-00042]");
    EXPECT_EQ(made("[{:>6}]", -42), "[   -42]");
    EXPECT_EQ(made("[{:<6}]", -42), "[-42   ]");
    EXPECT_EQ(made("{:2}", 12345), "12345") << "a width never cuts";
}

TEST(Text, a_wrong_format_prints_something_and_stops_nobody) {
    EXPECT_EQ(made("{} {}", 1), "1 {?}");
    EXPECT_EQ(made("{}", 1, 2), "1");
    EXPECT_EQ(made("{{}} {{{}}}", 7), "{} {7}");
    EXPECT_EQ(made("open {", 1), "open {");
    EXPECT_EQ(made("close } {}", 1).substr(0, 6), "close ");
    EXPECT_EQ(made("{:zzz}", 5), "5");
    EXPECT_EQ(made("[{:99999999999999999999}]", 1).size(), 122U) << "a width has a limit";
    EXPECT_EQ(made("{}", static_cast<const char*>(nullptr)), "(null)");
}

TEST(TextBuffer, cuts_and_counts) {
    TextBuffer<4> out;
    out.put("abcdef");
    EXPECT_EQ(out.view(), "abcd");
    EXPECT_EQ(out.cut(), 2U);
    out.clear();
    EXPECT_EQ(out.view(), "");
    EXPECT_EQ(out.cut(), 0U);
}

}  // namespace text_test
}  // namespace kyu
