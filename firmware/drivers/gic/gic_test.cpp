#include "drivers/gic/gic.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace kyu::gic {
namespace gic_test {

/// A controller that answers acknowledgements from a list and keeps what is written.
struct Model {
    std::map<std::uint32_t, std::uint32_t> words;
    std::vector<std::uint32_t> pending;  // next at the front; afterwards 1023
    std::vector<std::uint32_t> ended;
};
struct Distributor {
    Model* model;
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) const {
        return offset == Type::offset ? 0x64U : model->words[offset];
    }
    void write(std::uint32_t offset, std::uint32_t value) const { model->words[offset] = value; }
};
/// One type for both halves: the cpu interface begins at 0x1000 of the model's words.
struct Half {
    Model* model;
    bool is_cpu;
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) const {
        if (!is_cpu) return Distributor{model}.read(offset);
        if (offset != Acknowledge::offset) return model->words[0x1000 + offset];
        if (model->pending.empty()) return 1023;
        const std::uint32_t token = model->pending.front();
        model->pending.erase(model->pending.begin());
        return token;
    }
    void write(std::uint32_t offset, std::uint32_t value) const {
        if (!is_cpu) return Distributor{model}.write(offset, value);
        if (offset == EndOfInterrupt::offset) model->ended.push_back(value);
        model->words[0x1000 + offset] = value;
    }
};

struct Irq {};  // stands for IrqContext
using TestGic = Gic<Half, Irq, 160>;

class GicTest : public testing::Test {
protected:
    Model model;
    TestGic gic{Half{&model, false}, Half{&model, true}};
    Irq irq;
    int calls{0};
    static void count(Irq& /*irq*/, void* calls) { ++*static_cast<int*>(calls); }
    void SetUp() override { gic.init(); }
};

TEST_F(GicTest, starts_with_every_line_off_and_the_controller_on) {
    for (std::uint32_t word = 0; word < 5; ++word) {
        EXPECT_EQ(model.words[kClearEnable + 4 * word], ~0U);
        EXPECT_EQ(model.words.count(kSetEnable + 4 * word), 0U);
    }
    EXPECT_EQ(model.words[kTargets + 112], kCore0);
    EXPECT_EQ(model.words.count(kTargets + 28), 0U) << "private lines have no targets";
    EXPECT_EQ(model.words[DistributorControl::offset], 3U);
    EXPECT_EQ(model.words[0x1000 + PriorityMask::offset], 0xF8U);
}

TEST_F(GicTest, forgets_what_was_being_served_when_the_reset_came) {
    Model after_reset;
    after_reset.words[0x1000 + kActivePriorities] = 1U << 20U;
    after_reset.words[0x1000 + kActivePrioritiesEnd - 4] = 1;
    TestGic fresh{Half{&after_reset, false}, Half{&after_reset, true}};
    fresh.init();
    for (std::uint32_t at = kActivePriorities; at < kActivePrioritiesEnd; at += 4) {
        EXPECT_EQ(after_reset.words[0x1000 + at], 0U) << std::hex << at;
    }
}

TEST_F(GicTest, calls_the_handler_of_each_pending_interrupt_and_ends_it) {
    gic.attach(114, &GicTest::count, &calls);
    EXPECT_EQ(model.words[kSetEnable + 12], 1U << 18U) << "the EMAC is word 3, bit 18";
    model.pending = {114, 114};
    gic.dispatch(irq);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(model.ended, (std::vector<std::uint32_t>{114, 114}));
}

TEST_F(GicTest, does_nothing_when_the_interrupt_went_away) {
    for (const std::uint32_t special : {1022U, 1023U}) {
        model.pending = {special};
        gic.dispatch(irq);
    }
    EXPECT_TRUE(model.ended.empty()) << "a spurious acknowledgement must not be ended";
}

TEST_F(GicTest, gives_back_the_whole_token_of_a_software_interrupt) {
    gic.attach(3, &GicTest::count, &calls);
    model.pending = {(2U << 10U) | 3U};  // from core 2
    gic.dispatch(irq);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(model.ended, (std::vector<std::uint32_t>{(2U << 10U) | 3U}));
}

TEST_F(GicTest, turns_off_an_interrupt_that_nobody_expects) {
    model.words.erase(kClearEnable + 8);
    model.pending = {77};
    gic.dispatch(irq);
    EXPECT_EQ(gic.unexpected(), 1U);
    EXPECT_EQ(model.words[kClearEnable + 8], 1U << 13U);
    EXPECT_EQ(model.ended, (std::vector<std::uint32_t>{77}));
}

TEST_F(GicTest, counts_each_interrupt_by_its_number) {
    gic.attach(114, &GicTest::count, &calls);
    model.pending = {114, 77, 114, 1019};
    gic.dispatch(irq);
    EXPECT_EQ(gic.count(114), 2U);
    EXPECT_EQ(gic.count(77), 1U) << "also one that nobody expects";
    EXPECT_EQ(gic.count(27), 0U);
    EXPECT_EQ(gic.count(1019), 0U);
}

TEST_F(GicTest, one_interrupt_can_be_fast_and_then_alone_is_in_group_0) {
    gic.make_fast(29);
    EXPECT_EQ(model.words[kGroup], ~(1U << 29U));
    EXPECT_EQ(model.words[kGroup + 12], ~0U);
    EXPECT_EQ(model.words[kPriority + 28], 0xA0A0'00A0U) << "byte 1 of the word is number 29";
    EXPECT_EQ(model.words[kSetEnable], 1U << 29U);
    EXPECT_EQ(model.words[0x1000 + CpuControl::offset], 0xFU);
    EXPECT_EQ(model.words[0x1000 + BinaryPoint::offset], 0U);
}

TEST_F(GicTest, a_fast_one_seen_by_the_slow_path_is_put_back_for_its_own) {
    gic.make_fast(29);
    gic.attach(114, &GicTest::count, &calls);
    model.words.erase(kClearEnable);
    model.pending = {29, 114};
    gic.dispatch(irq);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(gic.unexpected(), 0U);
    EXPECT_EQ(model.words.count(kClearEnable), 0U) << "it stays on";
    EXPECT_EQ(model.ended, (std::vector<std::uint32_t>{29, 114}));
    model.pending = {114, 29};
    gic.dispatch(irq);
    EXPECT_EQ(gic.latest(), 114U) << "a storm is not to be laid at its door";
}

TEST_F(GicTest, ends_a_fast_interrupt_but_not_a_spurious_one) {
    gic.make_fast(29);
    model.pending = {29, 1023};
    gic.serve_fast([&] {
        EXPECT_EQ(model.pending.size(), 1U) << "acknowledged before the line goes down";
        EXPECT_TRUE(model.ended.empty()) << "and ended afterwards";
        ++calls;
    });
    gic.serve_fast([&] { ++calls; });
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(model.ended, (std::vector<std::uint32_t>{29}));
}

TEST_F(GicTest, a_line_that_nobody_quiets_leaves_the_handler_now_and_then) {
    gic.attach(114, &GicTest::count, &calls);
    model.pending.assign(10 * kServedMax, 114);
    gic.dispatch(irq);
    EXPECT_EQ(calls, static_cast<int>(kServedMax));
    EXPECT_EQ(gic.latest(), 114U);
    EXPECT_EQ(gic.handler_of(114), &GicTest::count);
}

TEST_F(GicTest, survives_a_number_beyond_its_lines) {
    model.pending = {1019};
    gic.dispatch(irq);
    EXPECT_EQ(gic.unexpected(), 1U);
}

}  // namespace gic_test
}  // namespace kyu::gic
