#include "drivers/timer/timer.hpp"

#include <gtest/gtest.h>

#include <random>

namespace kyu {
namespace timer_test {

__extension__ using Wide = unsigned __int128;

constexpr std::uint32_t kQemuHz = 62'500'000;
constexpr std::uint64_t kYearUs = 365ULL * 24 * 3600 * 1'000'000;

TEST(TickRate, counts_microseconds_exactly_for_years) {
    std::mt19937_64 random{1};
    for (const std::uint32_t hz : {kCrystalHz, kQemuHz, 19'200'000U, 1'000'000U, 32'768U}) {
        const TickRate rate{hz};
        for (int i = 0; i < 10'000; ++i) {
            const std::uint64_t ticks = random() >> (12 + i % 40);
            const auto exact = static_cast<std::uint64_t>(Wide{ticks} * 1'000'000U / hz);
            EXPECT_EQ(rate.microseconds(ticks), exact) << hz << " " << ticks;
        }
    }
}

TEST(TickRate, never_makes_a_deadline_early_and_hardly_late) {
    std::mt19937_64 random{2};
    for (const std::uint32_t hz : {kCrystalHz, kQemuHz, 19'200'000U}) {
        const TickRate rate{hz};
        for (int i = 0; i < 10'000; ++i) {
            const std::uint64_t us = random() % (100 * kYearUs);
            EXPECT_GE(rate.microseconds(rate.ticks(us)), us);
            EXPECT_LE(rate.microseconds(rate.ticks(us)), us + 1);
        }
    }
}

struct Registers {
    std::uint32_t hz{kCrystalHz};
    std::uint64_t ticks{0};
    std::uint64_t compare{0};
    std::uint32_t control{99};
};
struct ScriptedTimer {
    Registers* r;
    [[nodiscard]] std::uint32_t frequency() const { return r->hz; }
    [[nodiscard]] std::uint64_t count() const { return r->ticks; }
    void set_compare(std::uint64_t ticks) const { r->compare = ticks; }
    void set_control(std::uint32_t control) const { r->control = control; }
};

TEST(GenericTimer, begins_at_zero_wherever_the_counter_stands) {
    Registers r;
    r.ticks = UINT64_MAX - 24'000'000;
    GenericTimer timer{ScriptedTimer{&r}};
    EXPECT_EQ(timer.now(), Instant::from_us(0));
    r.ticks += 48'000'000;  // the counter wraps on the way
    EXPECT_EQ(timer.now(), Instant::from_us(2'000'000));
}

TEST(GenericTimer, reads_its_frequency_and_guesses_only_when_there_is_none) {
    Registers r;
    r.hz = kQemuHz;
    EXPECT_EQ(GenericTimer{ScriptedTimer{&r}}.hz(), kQemuHz);
    r.hz = 0;
    EXPECT_EQ(GenericTimer{ScriptedTimer{&r}}.hz(), kCrystalHz);
}

TEST(GenericTimer, has_one_alarm_that_is_off_until_set) {
    Registers r;
    r.ticks = 1000;
    GenericTimer timer{ScriptedTimer{&r}};
    EXPECT_EQ(TimerControl::Enable::in(r.control), 0U);
    timer.set_alarm(Instant::from_us(10));
    EXPECT_EQ(r.control, 1U);
    EXPECT_GE(r.compare, 1000U + 240U);
    EXPECT_LE(r.compare, 1000U + 242U);
    timer.set_alarm(Instant::never());
    EXPECT_EQ(TimerControl::Enable::in(r.control), 0U);
}

TEST(GenericTimer, rings_at_once_for_a_time_that_has_passed) {
    Registers r;
    GenericTimer timer{ScriptedTimer{&r}};
    r.ticks = 1'000'000;
    timer.set_alarm(Instant::from_us(-5));
    EXPECT_LE(r.compare, r.ticks);
    EXPECT_EQ(r.control, 1U);
}

}  // namespace timer_test
}  // namespace kyu
