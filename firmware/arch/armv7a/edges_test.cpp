// The edges of functions, and walks through random damage. Instructions are what GCC 12 wrote.
#include "arch/armv7a/edges.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <vector>

namespace kyu::ehabi {
namespace edges_test {

constexpr std::uint32_t kText = 0x4000'8000;
constexpr std::uint32_t kIndex = kText + 0x800;
constexpr std::uint32_t kStack = 0x4020'0000;
constexpr std::size_t kWords = 1024;

/// Two blocks of words, text with its tables and a stack; every read outside of them is counted.
class Blocks final : public Memory {
public:
    std::vector<std::uint32_t> text = std::vector<std::uint32_t>(kWords);
    std::vector<std::uint32_t> stack = std::vector<std::uint32_t>(kWords);
    mutable std::size_t reads{0};

    bool read(std::uint32_t address, std::uint32_t& word) const override {
        ++reads;
        if (address % 4 != 0) return false;
        for (const auto* block : {&text, &stack}) {
            const std::uint32_t begin = block == &text ? kText : kStack;
            if (address < begin || (address - begin) / 4 >= block->size()) continue;
            word = (*block)[(address - begin) / 4];
            return true;
        }
        return false;
    }
};

/// A function at kText that has run up to, and not with, instruction `at`.
class EdgeTest : public testing::Test {
protected:
    static constexpr std::uint32_t kCaller = 0x4000'9999 & ~3U;
    static constexpr std::uint32_t kSpOfCaller = kStack + 0x400;
    Blocks memory;
    Frame frame;

    void code(std::initializer_list<std::uint32_t> words) {
        std::copy(words.begin(), words.end(), memory.text.begin());
    }
    void at(std::uint32_t instruction, std::uint32_t sp) {
        frame = Frame{};
        frame.exact = true;
        frame.r[11] = 0xF00D;
        frame.r[13] = sp;
        frame.r[14] = kCaller;
        frame.r[15] = kText + 4 * instruction;
    }
    void on_stack(std::uint32_t address, std::initializer_list<std::uint32_t> words) {
        std::copy(words.begin(), words.end(),
                  memory.stack.begin() + static_cast<std::ptrdiff_t>((address - kStack) / 4));
    }
    void expect_caller() {
        EXPECT_EQ(undo_edge(frame, kText, memory), Edge::undone);
        EXPECT_EQ(frame.pc(), kCaller);
        EXPECT_EQ(frame.sp(), kSpOfCaller);
        EXPECT_FALSE(frame.exact);
    }
};

TEST_F(EdgeTest, a_function_that_has_done_nothing_is_left_by_lr) {
    code({0xE92D'4830, 0xE28D'B00C});  // push {r4, r5, fp, lr}; add fp, sp, #12
    at(0, kSpOfCaller);
    expect_caller();
}

TEST_F(EdgeTest, what_was_pushed_before_the_frame_pointer_is_set_comes_back) {
    // push {r1, r2, r3}; push {r4, fp, lr}; add fp, sp, #8: a function with variable arguments.
    code({0xE92D'000E, 0xE92D'4810, 0xE28D'B008, 0xE24D'D00C});
    at(1, kSpOfCaller - 12);
    expect_caller();
    on_stack(kSpOfCaller - 24, {0x4444, 0xBBBB, kCaller});
    at(2, kSpOfCaller - 24);
    frame.r[14] = 0;  // already used for something else
    expect_caller();
    EXPECT_EQ(frame.r[4], 0x4444U);
    EXPECT_EQ(frame.r[11], 0xBBBBU);
}

TEST_F(EdgeTest, single_and_double_stores_count_as_pushes) {
    // str lr, [sp, #-8]!; strd r4, [sp, #-16]!; sub sp, sp, #1024
    code({0xE52D'E008, 0xE16D'41F0, 0xE24D'DB01, 0xE1A0'0000});
    on_stack(kSpOfCaller - 8, {kCaller});
    on_stack(kSpOfCaller - 24, {0x44, 0x55});
    at(3, kSpOfCaller - 24 - 1024);
    frame.r[13] = kSpOfCaller - 24 - 1024;
    frame.r[14] = 0;
    expect_caller();
    EXPECT_EQ(frame.r[4], 0x44U);
    EXPECT_EQ(frame.r[5], 0x55U);
}

TEST_F(EdgeTest, the_body_is_left_to_the_tables) {
    code({0xE92D'4800, 0xE28D'B004, 0xE1A0'0000});
    at(2, kSpOfCaller - 8);
    EXPECT_EQ(undo_edge(frame, kText, memory), Edge::none);
    EXPECT_EQ(frame.pc(), kText + 8) << "nothing was undone";
}

TEST_F(EdgeTest, code_behind_a_return_is_left_to_the_tables_without_the_frame_pointer) {
    // push {r4, lr}; pop {r4, pc}; mov r0, r0
    code({0xE92D'4010, 0xE8BD'8010, 0xE1A0'0000});
    at(2, kSpOfCaller - 8);
    EXPECT_EQ(undo_edge(frame, kText, memory), Edge::before_fp);
}

TEST_F(EdgeTest, every_step_of_an_epilogue_leads_to_the_caller) {
    // …; sub sp, fp, #8; pop {r4, fp, lr}; add sp, sp, #12; bx lr
    code({0xE92D'000E, 0xE92D'4810, 0xE28D'B008, 0xE1A0'0000, 0xE24B'D008, 0xE8BD'4810, 0xE28D'D00C,
          0xE12F'FF1E});
    on_stack(kSpOfCaller - 24, {0x4444, 0xBBBB, kCaller});
    at(4, kSpOfCaller - 200);
    frame.r[11] = kSpOfCaller - 16;
    frame.r[14] = 0;
    expect_caller();
    EXPECT_EQ(frame.r[4], 0x4444U);
    at(5, kSpOfCaller - 24);
    frame.r[14] = 0;
    expect_caller();
    at(6, kSpOfCaller - 12);
    expect_caller();
    EXPECT_EQ(frame.r[11], 0xF00DU) << "it is the caller's again";
    at(7, kSpOfCaller);
    expect_caller();
}

TEST_F(EdgeTest, a_return_by_a_popped_pc_needs_no_lr) {
    code({0xE92D'4010, 0xE8BD'8010});
    on_stack(kSpOfCaller - 8, {0x4444, kCaller});
    at(1, kSpOfCaller - 8);
    frame.r[14] = 0;
    expect_caller();
}

TEST_F(EdgeTest, a_frame_that_cannot_be_read_is_not_guessed) {
    code({0xE92D'4010, 0xE8BD'8010});
    at(1, 0x1000);
    EXPECT_NE(undo_edge(frame, kText, memory), Edge::undone);
    at(0, 0x1000);
    EXPECT_EQ(undo_edge(frame, 0x1000, memory), Edge::unreadable);
}

// ---- The same in Thumb code -----------------------------------------------------------------

/// Instructions are half words, of one or two; the pc has bit 0 set.
class ThumbEdgeTest : public EdgeTest {
protected:
    void halves(std::initializer_list<std::uint32_t> halves) {
        std::fill(memory.text.begin(), memory.text.end(), 0U);
        std::size_t n = 0;
        for (const std::uint32_t half : halves) {
            memory.text[n / 2] |= half << (n % 2 * 16U);
            ++n;
        }
    }
    /// At this byte of the function.
    void at_byte(std::uint32_t byte, std::uint32_t sp) {
        at(0, sp);
        frame.r[15] = kText + byte + 1;
    }
    /// The caller runs in either state: what was saved of it is taken as it is.
    void expect_thumb_caller() {
        EXPECT_EQ(undo_edge(frame, kText, memory), Edge::undone);
        EXPECT_EQ(frame.pc(), kCaller | 1U);
        EXPECT_EQ(frame.sp(), kSpOfCaller);
    }
};

TEST_F(ThumbEdgeTest, a_function_that_has_done_nothing_is_left_by_lr) {
    halves({0xB5F8, 0xB084});  // push {r3-r7, lr}; sub sp, #16
    at_byte(0, kSpOfCaller);
    expect_caller();
}

TEST_F(ThumbEdgeTest, what_was_pushed_comes_back_at_each_step_of_a_prologue) {
    // push {r2, r3}; stmdb sp!, {r4, r8, lr}; mov r4, r0; sub.w sp, sp, #520; sub sp, #8; …
    halves({0xB40C, 0xE92D, 0x4110, 0x4604, 0xF5AD, 0x7D02, 0xB082, 0xBF00});
    on_stack(kSpOfCaller - 20, {0x4444, 0x8888, kCaller | 1U});
    at_byte(2, kSpOfCaller - 8);
    expect_caller();
    for (const auto& [byte, room] : {std::pair{6U, 0U}, {8U, 0U}, {12U, 520U}, {14U, 528U}}) {
        at_byte(byte, kSpOfCaller - 20 - room);
        frame.r[14] = 0;  // already used for something else
        expect_thumb_caller();
        EXPECT_EQ(frame.r[4], 0x4444U) << byte;
        EXPECT_EQ(frame.r[8], 0x8888U) << byte;
    }
}

TEST_F(ThumbEdgeTest, single_and_double_stores_count_as_pushes) {
    // str.w lr, [sp, #-8]!; strd r4, r5, [sp, #-16]!; subw sp, sp, #1036; nop
    halves({0xF84D, 0xED08, 0xE96D, 0x4504, 0xF2AD, 0x4D0C, 0xBF00});
    on_stack(kSpOfCaller - 8, {kCaller});
    on_stack(kSpOfCaller - 24, {0x44, 0x55});
    at_byte(12, kSpOfCaller - 24 - 1036);
    frame.r[14] = 0;
    expect_caller();
    EXPECT_EQ(frame.r[4], 0x44U);
    EXPECT_EQ(frame.r[5], 0x55U);
}

TEST_F(ThumbEdgeTest, every_step_of_an_epilogue_leads_to_the_caller) {
    // push {r0-r3}; push {r4, lr}; sub sp, #8; nop; add sp, #8; pop.w {r4, lr}; add sp, #16; bx lr
    halves({0xB40F, 0xB510, 0xB082, 0xBF00, 0xB002, 0xE8BD, 0x4010, 0xB004, 0x4770});
    on_stack(kSpOfCaller - 24, {0x4444, kCaller});
    for (const auto& [byte, depth] : {std::pair{8U, 32U}, {10U, 24U}, {14U, 16U}, {16U, 0U}}) {
        at_byte(byte, kSpOfCaller - depth);
        if (depth > 16) frame.r[14] = 0;
        expect_caller();
    }
}

TEST_F(ThumbEdgeTest, a_return_by_a_popped_pc_needs_no_lr) {
    // pop {r4, pc}; ldmia.w sp!, {r4, pc}; ldr.w pc, [sp], #8
    halves({0xBD10, 0xE8BD, 0x8010, 0xF85D, 0xFB08});
    for (const std::uint32_t byte : {0U, 2U, 6U}) {
        on_stack(kSpOfCaller - 8, {byte == 6 ? kCaller | 1U : 0x4444, kCaller | 1U});
        at_byte(byte, kSpOfCaller - 8);
        frame.r[14] = 0;
        expect_thumb_caller();
    }
}

TEST_F(ThumbEdgeTest, a_frame_pointer_leads_out_of_its_frame) {
    // push {r7, lr}; sub sp, #8; add r7, sp, #0; nop; adds r7, #8; mov sp, r7; pop {r7, pc}
    halves({0xB580, 0xB082, 0xAF00, 0xBF00, 0x3708, 0x46BD, 0xBD80});
    at_byte(6, kSpOfCaller - 16);
    EXPECT_EQ(undo_edge(frame, kText, memory), Edge::none);
    on_stack(kSpOfCaller - 8, {0x7777, kCaller});
    at_byte(8, kSpOfCaller - 100);
    frame.r[7] = kSpOfCaller - 16;
    frame.r[14] = 0;
    expect_caller();
    EXPECT_EQ(frame.r[7], 0x7777U);
}

TEST_F(ThumbEdgeTest, a_conditional_return_does_not_end_straight_line_code) {
    // push {r4, lr}; cmp r0, #0; it eq; popeq {r4, pc}; nop
    halves({0xB510, 0x2800, 0xBF08, 0xBD10, 0xBF00});
    on_stack(kSpOfCaller - 8, {0x4444, kCaller});
    for (const std::uint32_t byte : {4U, 6U, 8U}) {
        at_byte(byte, kSpOfCaller - 8);
        frame.r[14] = 0;
        expect_caller();
    }
    // push {r4, lr}; cmp r0, #0; it eq; subeq sp, #8; nop: nobody knows where sp is
    halves({0xB510, 0x2800, 0xBF08, 0xB082, 0xBF00});
    at_byte(8, kSpOfCaller - 8);
    EXPECT_EQ(undo_edge(frame, kText, memory), Edge::before_fp);
}

TEST_F(ThumbEdgeTest, code_behind_a_return_or_a_jump_is_left_to_the_tables) {
    // push {r4, lr}; then pop {r4, pc} | b | b.w | tbb [pc, r3]; nop
    for (const auto& [first, second] : {std::pair{0xBD10U, 0xBF00U},
                                        {0xE7FEU, 0xBF00U},
                                        {0xF000U, 0xB800U},
                                        {0xE8DFU, 0xF003U}}) {
        halves({0xB510, first, second, 0xBF00});
        at_byte(6, kSpOfCaller - 8);
        EXPECT_EQ(undo_edge(frame, kText, memory), Edge::before_fp) << std::hex << first;
    }
    halves({0xB510, 0xF000, 0xF800, 0xBF00});  // bl: it comes back
    on_stack(kSpOfCaller - 8, {0x4444, kCaller});
    at_byte(6, kSpOfCaller - 8);
    expect_caller();
}

// ---- Random damage --------------------------------------------------------------------------

/// Words as a smashed stack has them: small numbers, addresses of text and stack and their edges.
std::uint32_t wild_word(std::mt19937& random) {
    const std::uint32_t any = static_cast<std::uint32_t>(random());
    const std::uint32_t edge = any % 9 - 4;
    constexpr std::uint32_t kBytes = 4 * kWords;
    switch (random() % 8) {
        case 0: return any;
        case 1: return any % 64;
        case 2: return kText + (any % kBytes & ~3U);
        case 3: return kStack + (any % kBytes & ~3U);
        case 4: return kStack + kBytes + edge;
        case 5: return kStack + edge;
        case 6: return kText + (any % 2) * kBytes + edge;
        default: return 0xFFFF'FFFF - any % 16;
    }
}

/// Instructions and table words that mean something, so that walks go on for a while.
std::uint32_t meaningful_word(std::mt19937& random) {
    constexpr std::array<std::uint32_t, 22> kKnown{
        0xB084'B5F8, 0xBDF8'B004, 0x4FF0'E92D, 0x8FF0'E8BD, 0x4770'46BD, 0xBF08'BD10,
        0xE92D'4FF0, 0xE28D'B020, 0xE24D'D0DC, 0xE24B'D020, 0xE8BD'8FF0, 0xE12F'FF1E,
        0xE52D'B004, 0xE49D'B004, 0xE16D'41F0, 0xE0CD'41D0, 0xE28D'D00C, 0x80A8'B0B0,
        0x809B'8480, 0x8101'9B40, 0x80B0'B0B0, 0x0000'0001};
    return kKnown[random() % kKnown.size()];
}

TEST(Damage, any_walk_ends_within_its_bounds_whatever_it_finds) {
    std::mt19937 random{20261126};
    constexpr Layout kLayout{
        {kText, kText + 4 * kWords}, {kIndex, kIndex + 0x200}, {kText + 0x700, kText + 0x710}};
    std::array<std::uintptr_t, 32> pcs{};
    std::size_t longest = 0;
    for (int round = 0; round < 4000; ++round) {
        Blocks memory;
        for (std::uint32_t& word : memory.text) {
            word = random() % 4 == 0 ? wild_word(random) : meaningful_word(random);
        }
        for (std::uint32_t& word : memory.stack) word = wild_word(random);
        for (std::uint32_t n = 0; n < 64; ++n) {  // the index: sorted, its data anything
            const std::uint32_t place = kIndex + 8 * n;
            const std::uint32_t function = kText + 24 * n;
            const std::size_t at = (place - kText) / 4;
            if (random() % 16 != 0) memory.text[at] = (function - place) & 0x7FFF'FFFFU;
            memory.text[at + 1] =
                random() % 8 == 0 ? wild_word(random) : meaningful_word(random) | 0x8000'0000U;
        }
        Frame frame;
        for (std::uint32_t& r : frame.r) r = wild_word(random);
        if (random() % 4 != 0) frame.r[13] = kStack + (random() % 1024 & ~3U);
        if (random() % 4 != 0) frame.r[15] = kText + (random() % 1536 & ~2U);
        frame.exact = random() % 2 == 0;
        pcs.fill(0);
        const std::size_t count = walk(frame, kLayout, memory, pcs);
        ASSERT_LE(count, pcs.size());
        // A step reads at most the prologue twice, a search of the index and a table.
        ASSERT_LT(memory.reads, 100'000U) << "round " << round;
        longest = std::max(longest, count);
    }
    EXPECT_GE(longest, 4U) << "the damage is not so wild that every walk ends at once";
}

TEST(Damage, a_walk_reads_nothing_that_memory_would_refuse_twice_in_a_row) {
    // Whatever is refused ends the walk: there is no second try with another guess.
    class Refusing final : public Memory {
    public:
        mutable int refused{0};
        bool read(std::uint32_t /*address*/, std::uint32_t& /*word*/) const override {
            ++refused;
            return false;
        }
    };
    constexpr Layout kLayout{{kText, kText + 4096}, {kIndex, kIndex + 64}, {0, 0}};
    for (const bool exact : {false, true}) {
        Refusing memory;
        Frame frame;
        frame.exact = exact;
        frame.r[13] = kStack;
        frame.r[15] = kText + 0x40;
        std::array<std::uintptr_t, 8> pcs{};
        EXPECT_EQ(walk(frame, kLayout, memory, pcs), 1U);
        EXPECT_EQ(memory.refused, 1);
    }
}

}  // namespace edges_test
}  // namespace kyu::ehabi
