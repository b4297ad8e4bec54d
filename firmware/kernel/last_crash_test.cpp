// A crash is told by the next boot, once, and by no boot that had none before it.
#include "kernel/last_crash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

namespace kyu {
namespace last_crash_test {

struct Text final : TextSink {
    std::string all;
    void put(std::string_view text) override { all += text; }
};

std::string told(LastCrash& last) {
    Text sink;
    print_last_crash(sink, last);
    return sink.all;
}

struct Memory {
    alignas(8) std::array<std::byte, 256> bytes{};
    LastCrash last{bytes};
};

TEST(LastCrash, is_told_by_the_next_boot_line_by_line_and_once) {
    Memory memory;
    memory.last.begin();
    memory.last.append("PANIC: no");
    memory.last.append("body expects this\r\n@kyu crash-end lines=1 *ABCD\r\n");
    LastCrash next_boot{memory.bytes};
    const std::string text = told(next_boot);
    EXPECT_EQ(text.substr(0, 45), "@kyu last-crash v=1 lines=2 cut=0 damaged=0 *");
    EXPECT_NE(text.find("\r\nlast crash: PANIC: nobody expects this\r\n"
                        "last crash: @kyu crash-end lines=1 *ABCD\r\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(told(next_boot), "");
}

TEST(LastCrash, memory_that_nobody_wrote_holds_none) {
    Memory memory;
    EXPECT_EQ(told(memory.last), "");
    memory.bytes.fill(std::byte{0xA5});
    EXPECT_EQ(told(memory.last), "");
    memory.last.append("never begun");
    EXPECT_EQ(told(memory.last), "");
}

TEST(LastCrash, a_record_that_was_torn_keeps_the_lines_before) {
    Memory memory;
    memory.last.begin();
    memory.last.append("first\r\nsec");
    EXPECT_NE(told(memory.last).find("last crash: first\r\nlast crash: sec\r\n"),
              std::string::npos);
}

TEST(LastCrash, what_finds_no_room_is_cut_and_said) {
    Memory memory;
    memory.last.begin();
    memory.last.append(std::string(1000, 'x'));
    const std::string text = told(memory.last);
    EXPECT_NE(text.find("lines=1 cut=1 damaged=0"), std::string::npos) << text;
    EXPECT_LT(text.size(), 400U);
}

TEST(LastCrash, lost_bits_are_told_and_never_reach_the_console_as_control_characters) {
    Memory memory;
    memory.last.begin();
    memory.last.append("PANIC: x\r\n");
    memory.bytes[32] = std::byte{0x1B};
    const std::string text = told(memory.last);
    EXPECT_NE(text.find("damaged=1"), std::string::npos) << text;
    EXPECT_EQ(text.find('\x1B'), std::string::npos);
}

TEST(LastCrash, a_size_beyond_the_memory_is_no_record) {
    Memory memory;
    memory.last.begin();
    const std::uint32_t huge = 0xFFFF'FFF0;
    std::memcpy(memory.bytes.data() + 8, &huge, sizeof huge);
    EXPECT_EQ(told(memory.last), "");
}

TEST(LastCrash, no_memory_remembers_nothing) {
    LastCrash none{{}};
    none.begin();
    none.append("x");
    EXPECT_EQ(told(none), "");
}

}  // namespace last_crash_test
}  // namespace kyu
