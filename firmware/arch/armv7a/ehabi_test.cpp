#include "arch/armv7a/ehabi.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <optional>
#include <vector>

namespace kyu::ehabi {
namespace ehabi_test {

constexpr std::uint32_t kText = 0x4000'8000;
constexpr std::uint32_t kIndex = 0x4010'0000;
constexpr std::uint32_t kExtab = 0x4010'8000;
constexpr std::uint32_t kStack = 0x4020'0000;

/// A sparse memory: what was not put there may not be read.
class FakeMemory final : public Memory {
    std::map<std::uint32_t, std::uint32_t> words_;

public:
    void put(std::uint32_t address, std::initializer_list<std::uint32_t> words) {
        for (const std::uint32_t word : words) {
            words_[address] = word;
            address += 4;
        }
    }
    bool read(std::uint32_t address, std::uint32_t& word) const override {
        const auto it = words_.find(address);
        if (address % 4 != 0 || it == words_.end()) return false;
        word = it->second;
        return true;
    }
};

std::uint32_t prel(std::uint32_t place, std::uint32_t target) {
    return (target - place) & 0x7FFF'FFFFU;
}

// ---- Instructions ---------------------------------------------------------------------------

/// Runs up to three opcodes on registers rN = N and sp = kStack.
std::optional<Frame> run(std::initializer_list<std::uint8_t> opcodes, const FakeMemory& memory) {
    Frame frame;
    for (std::uint32_t i = 0; i < 16; ++i) frame.r[i] = i;
    frame.r[13] = kStack;
    frame.r[14] = kText + 0x44;
    std::uint32_t word = 0;
    for (const std::uint8_t op : opcodes) word = word << 8U | op;
    const bool ok = execute(frame, word, static_cast<unsigned>(opcodes.size()), 0, 0, memory);
    return ok ? std::optional(frame) : std::nullopt;
}

TEST(Execute, returns_by_lr_when_nothing_was_saved) {
    const auto frame = run({0xB0}, {});
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->pc(), kText + 0x44);
    EXPECT_EQ(frame->sp(), kStack);
}

TEST(Execute, moves_the_stack_pointer_both_ways) {
    EXPECT_EQ(run({0x02}, {})->sp(), kStack + 12);
    EXPECT_EQ(run({0x3F}, {})->sp(), kStack + 256);
    EXPECT_EQ(run({0x42}, {})->sp(), kStack - 12);
    EXPECT_EQ(run({0x9B}, {})->sp(), 11U) << "vsp = r11";
    EXPECT_EQ(run({0xB2, 0x81, 0x01}, {})->sp(), kStack + 0x204 + (129 << 2)) << "two-byte uleb128";
}

TEST(Execute, pops_registers_in_order_with_lr_as_the_way_back) {
    FakeMemory memory;
    memory.put(kStack, {0x44, 0x55, kText + 0x80});
    const auto frame = run({0xA9}, memory);  // r4, r5, r14
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->r[4], 0x44U);
    EXPECT_EQ(frame->r[5], 0x55U);
    EXPECT_EQ(frame->pc(), kText + 0x80);
    EXPECT_EQ(frame->sp(), kStack + 12);
}

TEST(Execute, prefers_a_popped_pc_to_lr) {
    FakeMemory memory;
    memory.put(kStack, {0x44, 0xDD, 0xEE, 0xF0});
    const auto frame = run({0x8C, 0x01}, memory);  // r4, r14, r15 by mask
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->pc(), 0xEEU);
    EXPECT_EQ(frame->lr(), 0xDDU);
}

TEST(Execute, takes_the_stack_pointer_itself_from_a_mask) {
    FakeMemory memory;
    memory.put(kStack, {kStack + 0x100, kText});
    const auto frame = run({0x86, 0x00}, memory);  // r13, r14
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->sp(), kStack + 0x100);
}

TEST(Execute, skips_floating_point_registers) {
    EXPECT_EQ(run({0xB9}, {})->sp(), kStack + 20) << "FSTMFDX has one word more";
    EXPECT_EQ(run({0xD1}, {})->sp(), kStack + 16);
    EXPECT_EQ(run({0xC9, 0x83}, {})->sp(), kStack + 32);
    EXPECT_EQ(run({0xB3, 0x81}, {})->sp(), kStack + 20);
}

TEST(Execute, pops_the_scratch_registers) {
    FakeMemory memory;
    memory.put(kStack, {0xA0, 0xA2});
    const auto frame = run({0xB1, 0x05}, memory);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->r[0], 0xA0U);
    EXPECT_EQ(frame->r[2], 0xA2U);
}

TEST(Execute, refuses_what_is_reserved_or_says_that_it_cannot_be_unwound) {
    EXPECT_FALSE(run({0x80, 0x00}, {})) << "refuse to unwind";
    EXPECT_FALSE(run({0x9D}, {}));
    EXPECT_FALSE(run({0x9F}, {}));
    EXPECT_FALSE(run({0xB1, 0x00}, {}));
    EXPECT_FALSE(run({0xB1, 0x10}, {}));
    EXPECT_FALSE(run({0xC7, 0x00}, {}));
    EXPECT_FALSE(run({0xCA}, {}));
    EXPECT_FALSE(run({0xFF}, {}));
}

TEST(Execute, fails_on_a_stack_that_may_not_be_read) {
    EXPECT_FALSE(run({0xA8}, {}));
    FakeMemory memory;
    memory.put(kStack, {1});
    EXPECT_FALSE(run({0xA9}, memory)) << "the second word is missing";
}

TEST(Execute, ends_for_every_sequence_of_three_opcodes) {
    FakeMemory memory;
    for (std::uint32_t a = kStack - 0x800; a < kStack + 0x800; a += 4) memory.put(a, {a});
    for (std::uint32_t word = 0; word < 0x100'0000; word += 7) {
        Frame frame;
        frame.r[13] = kStack;
        static_cast<void>(execute(frame, word, 3, 0, 0, memory));
    }
}

// ---- Tables and walks -----------------------------------------------------------------------

/// Four functions: an outermost one, two with frames, a leaf.
class WalkTest : public testing::Test {
protected:
    static constexpr std::uint32_t kOutermost = kText;
    static constexpr std::uint32_t kMiddle = kText + 0x100;
    static constexpr std::uint32_t kInner = kText + 0x200;
    static constexpr std::uint32_t kLeaf = kText + 0x300;
    static constexpr std::uint32_t kIrqVector = kText + 0x400;

    FakeMemory memory;
    Layout layout{{kText, kText + 0x500}, {kIndex, kIndex + 40}, {kIrqVector + 8, kIrqVector + 24}};
    std::array<std::uintptr_t, 32> pcs{};

    void entry(unsigned n, std::uint32_t function, std::uint32_t data) {
        const std::uint32_t place = kIndex + 8 * n;
        memory.put(place, {prel(place, function), data});
    }
    void SetUp() override {
        entry(0, kOutermost, 1);
        entry(1, kMiddle, 0x80A8'B0B0);  // push {r4, lr}
        const std::uint32_t place = kIndex + 20;
        entry(2, kInner, prel(place, kExtab));
        // Personality 1, no more words: vsp = r11; vsp -= 4; pop {r11, lr} needs one word more.
        memory.put(kExtab, {0x8101'9B40, 0x8480'B0B0});
        entry(3, kLeaf, 0x80B0'B0B0);
        entry(4, kIrqVector, 1);
        memory.put(kMiddle, {0xE92D'4010});                           // push {r4, lr}
        memory.put(kInner, {0xE92D'4800, 0xE3A0'0000, 0xE28D'B004});  // push {fp, lr}; …; add fp
        for (std::uint32_t at = kLeaf; at < kLeaf + 0x20; at += 4) memory.put(at, {0xE320'F000});
    }
    std::vector<std::uintptr_t> walk_from(const Frame& frame) {
        const std::size_t n = walk(frame, layout, memory, pcs);
        return {pcs.begin(), pcs.begin() + static_cast<std::ptrdiff_t>(n)};
    }
    /// A stopped leaf, called by inner, called by middle, called by the outermost.
    Frame stopped_in_leaf() {
        memory.put(kStack, {0x1111, kMiddle + 0x20});      // inner's fp, lr
        memory.put(kStack + 8, {0x4444, kOutermost + 8});  // middle's r4, lr
        Frame frame;
        frame.exact = true;
        frame.r[11] = kStack + 4;
        frame.r[13] = kStack;
        frame.r[14] = kInner + 0x30;
        frame.r[15] = kLeaf + 0x10;
        return frame;
    }
};

TEST_F(WalkTest, goes_from_a_leaf_to_the_outermost_function_and_stops_before_it) {
    EXPECT_EQ(walk_from(stopped_in_leaf()),
              (std::vector<std::uintptr_t>{kLeaf + 0x10, kInner + 0x30, kMiddle + 0x20}));
}

TEST_F(WalkTest, finds_the_caller_by_the_instruction_before_the_return_address) {
    Frame frame = stopped_in_leaf();
    frame.r[14] = kLeaf;  // a call that ends `inner`: the return address is the next function's
    EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{kLeaf + 0x10, kLeaf, kMiddle + 0x20}));
}

TEST_F(WalkTest, knows_that_a_function_at_its_first_instruction_has_no_frame) {
    memory.put(kStack, {0x4444, kOutermost + 8});
    Frame frame;
    frame.exact = true;
    frame.r[13] = kStack;
    frame.r[14] = kMiddle + 0x20;
    frame.r[15] = kInner;  // the push itself hit the end of the stack
    EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{kInner, kMiddle + 0x20}));
}

TEST_F(WalkTest, goes_by_the_stack_pointer_until_the_frame_pointer_is_set) {
    Frame frame = stopped_in_leaf();
    frame.r[11] = 0xDEAD'BEEF;  // still the caller's
    frame.r[15] = kInner + 8;   // between the push and `add fp, sp, #4`
    EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{kInner + 8, kMiddle + 0x20}));
}

TEST_F(WalkTest, passes_through_an_interrupt_to_what_it_interrupted) {
    for (const std::uint32_t pad : {0U, 4U}) {
        Frame frame = stopped_in_leaf();
        // Below the stack of the leaf: the vector's frame, padded or not.
        const std::uint32_t registers = kStack - 32;
        memory.put(registers, {0, 1, 2, 3, 12, frame.lr(), frame.pc(), 0x13});
        memory.put(registers - 8 - pad, {pad, 0});
        frame.exact = false;
        frame.r[13] = registers - 8 - pad;
        frame.r[15] = kIrqVector + 8;
        EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{kIrqVector + 8, kLeaf + 0x10,
                                                                 kInner + 0x30, kMiddle + 0x20}));
    }
}

TEST_F(WalkTest, tells_thumb_code_under_an_interrupt_by_the_saved_status) {
    // inner, stopped behind its Thumb prologue, push {r4, lr}; ARM code would read it otherwise.
    memory.put(kInner, {0xBF00'B510});
    memory.put(kStack, {0x4444, kMiddle + 0x21});
    const std::uint32_t registers = kStack - 32;
    memory.put(registers, {0, 1, 2, 3, 12, 0, kInner + 2, 0x13 | kThumbState});
    memory.put(registers - 8, {0, 0});
    Frame frame;
    frame.r[13] = registers - 8;
    frame.r[15] = kIrqVector + 8;
    EXPECT_EQ(walk_from(frame),
              (std::vector<std::uintptr_t>{kIrqVector + 8, kInner + 2, kMiddle + 0x20}));
}

TEST_F(WalkTest, finds_functions_whose_table_entries_say_that_they_are_thumb_code) {
    memory.put(kIndex + 0, {prel(kIndex + 0, kInner + 1), 0x80A8'B0B0});
    Layout one = layout;
    one.index = {kIndex, kIndex + 8};
    memory.put(kInner, {0xBF00'B510});
    Frame frame;
    frame.exact = true;
    frame.r[13] = kStack;
    frame.r[14] = kMiddle + 0x21;
    frame.r[15] = kInner + 1;  // its first instruction
    EXPECT_EQ(step(frame, one, memory), Step::stepped);
    EXPECT_EQ(frame.pc(), kMiddle + 0x21);
}

TEST_F(WalkTest, shows_the_caller_of_a_jump_to_nowhere) {
    memory.put(kStack, {0x4444, kOutermost + 8});
    Frame frame;
    frame.exact = true;
    frame.r[13] = kStack;
    frame.r[14] = kMiddle + 0x20;
    frame.r[15] = 0;
    EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{0, kMiddle + 0x20}));
    frame.r[14] = 0xFFFF'FFFF;
    EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{0}));
}

TEST_F(WalkTest, ends_when_the_stack_leads_in_a_circle) {
    Frame frame = stopped_in_leaf();
    memory.put(kStack, {kStack + 4, kInner + 0x30});  // inner's caller is inner, on the same frame
    const auto found = walk_from(frame);
    EXPECT_LE(found.size(), 4U);
}

TEST_F(WalkTest, ends_at_a_smashed_stack_with_what_it_knows) {
    Frame frame = stopped_in_leaf();
    memory.put(kStack, {0x4141'4141, 0x4141'4141});
    EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{kLeaf + 0x10, kInner + 0x30}));
    frame.r[11] = 2;
    EXPECT_EQ(walk_from(frame), (std::vector<std::uintptr_t>{kLeaf + 0x10, kInner + 0x30}));
}

TEST_F(WalkTest, writes_no_more_than_there_is_room_for) {
    std::array<std::uintptr_t, 2> few{};
    EXPECT_EQ(walk(stopped_in_leaf(), layout, memory, few), 2U);
    EXPECT_EQ(walk(stopped_in_leaf(), layout, memory, {}), 0U);
}

TEST_F(WalkTest, stops_at_code_that_no_table_describes) {
    Layout nothing = layout;
    nothing.index = {kIndex, kIndex};
    EXPECT_EQ(walk(stopped_in_leaf(), nothing, memory, pcs), 1U);
}

}  // namespace ehabi_test
}  // namespace kyu::ehabi
