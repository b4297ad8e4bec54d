#include "kernel/frame_line.hpp"

#include <gtest/gtest.h>

namespace kyu {
namespace frame_line_test {

TEST(Crc16, matches_the_published_check_value) {
    // CRC-16/CCITT-FALSE of "123456789" is 0x29B1 in every catalogue.
    EXPECT_EQ(crc16("123456789"), 0x29B1);
    EXPECT_EQ(crc16(""), 0xFFFF);
    EXPECT_EQ(crc16("789", crc16("123456")), 0x29B1) << "pieces add up";
}

TEST(FrameLine, has_every_form_of_value) {
    TextBuffer<300> out;
    FrameLine{out, "hb"}
        .number("seq", 7)
        .hex("pc", 0x4002ceacU)
        .word("name", "wang-3")
        .field("mbufs", "{}/{}", 3, 512)
        .text("reason", "all fine");
    const std::string_view body =
        "@kyu hb seq=7 pc=0x4002ceac name=wang-3 mbufs=3/512 reason=\"all fine\"";
    TextBuffer<300> expected;
    print(expected, "{} *", body);
    EXPECT_EQ(out.view().substr(0, expected.view().size()), expected.view());
    const std::string_view tail = out.view().substr(expected.view().size());
    ASSERT_EQ(tail.size(), 6U);
    EXPECT_EQ(tail.substr(4), "\r\n");
    EXPECT_EQ(std::stoul(std::string{tail.substr(0, 4)}, nullptr, 16), crc16(body));
}

TEST(FrameLine, a_known_line_to_the_last_byte) {
    TextBuffer<100> out;
    FrameLine{out, "ready"}.number("up_ms", 12);
    // Computed with an independent implementation (Python's binascii.crc_hqx, start 0xFFFF).
    EXPECT_EQ(out.view(), "@kyu ready up_ms=12 *705E\r\n");
}

TEST(FrameLine, hostile_text_is_escaped) {
    TextBuffer<200> out;
    FrameLine{out, "warn"}.text("text", std::string_view("a\"b\\c\r\n\0\xff*d", 11));
    EXPECT_EQ(out.view().substr(0, out.view().rfind(" *")),
              "@kyu warn text=\"a\\\"b\\\\c\\x0d\\x0a\\x00\\xff*d\"");
}

TEST(FrameLine, a_word_that_may_not_stand_bare_is_quoted) {
    for (const std::string_view word :
         {"", "two words", "star*", "quo\"te", "back\\slash", "\x7f"}) {
        TextBuffer<100> out;
        FrameLine{out, "x"}.word("k", word);
        EXPECT_EQ(out.view().substr(0, 10), "@kyu x k=\"") << word;
    }
}

}  // namespace frame_line_test
}  // namespace kyu
