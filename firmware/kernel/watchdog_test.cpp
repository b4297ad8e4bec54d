// Who keeps others from running is named while the board can still say it.
#include "kernel/watchdog.hpp"

#include <string>

#include "kernel/interrupt_watch.hpp"
#include "kernel/kernel.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace watchdog_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

bool says(const TestMachine& machine, const std::string& text) {
    return machine.text().find(text) != std::string::npos;
}

TEST(Watchdog, names_the_thread_that_spins_and_one_that_starves) {
    Watchdog watchdog;
    TestMachine machine;
    machine.thread("spinner", 1, [&](ThreadContext& self) {
        watchdog.start(self);
        self.sleep_for(100_ms);
        for (int n = 0; n < 10'000; ++n) machine.machine().spend(1_ms);
        ADD_FAILURE() << "not reached";
    });
    machine.daemon("worker", 20, [&](ThreadContext& self) {
        for (;;) self.sleep_for(10_ms);
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_TRUE(says(machine,
                     "PANIC: spinner (priority 1) does not let worker (priority 20) run"
                     " for 2500 ms"))
        << machine.text();
    EXPECT_TRUE(says(machine, "kind=hang"));
    EXPECT_LT(machine.now(), Instant::from_us(3'000'000));
}

TEST(Watchdog, threads_that_share_the_processor_starve_nobody) {
    Watchdog watchdog;
    TestMachine machine;
    machine.thread("starter", 1, [&](ThreadContext& self) { watchdog.start(self); });
    for (const char* name : {"one", "two", "three"}) {
        machine.thread(name, 20, [&](ThreadContext&) {
            for (int n = 0; n < 10'000; ++n) machine.machine().spend(1_ms);
        });
    }
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(Watchdog, a_thread_alone_may_compute_as_long_as_it_likes) {
    Watchdog watchdog;
    TestMachine machine;
    machine.thread("only", 5, [&](ThreadContext& self) {
        watchdog.start(self);
        for (int n = 0; n < 10'000; ++n) machine.machine().spend(1_ms);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

InterruptTrouble after(InterruptWatch& watch, unsigned ticks, std::uint32_t irqs_a_tick,
                       bool in_irq) {
    InterruptTrouble trouble{};
    static std::uint32_t irqs = 0xFFFF'FF00;  // wraps within each test
    for (unsigned n = 0; n < ticks; ++n) trouble = watch.tick(irqs += irqs_a_tick, in_irq);
    return trouble;
}

TEST(InterruptWatch, silence_for_a_second_means_they_are_off) {
    InterruptWatch watch;
    EXPECT_EQ(after(watch, 100, 1, false), InterruptTrouble::none);
    EXPECT_EQ(after(watch, kInterruptWatchTicks - 1, 0, false), InterruptTrouble::none);
    EXPECT_EQ(after(watch, 1, 0, false), InterruptTrouble::off);
}

TEST(InterruptWatch, silence_inside_a_handler_means_it_does_not_return) {
    InterruptWatch watch;
    EXPECT_EQ(after(watch, kInterruptWatchTicks + 1, 0, true), InterruptTrouble::handler);
}

TEST(InterruptWatch, nothing_but_handlers_is_a_storm) {
    InterruptWatch watch;
    EXPECT_EQ(after(watch, kInterruptWatchTicks - 1, 5000, true), InterruptTrouble::none);
    EXPECT_EQ(after(watch, 1, 5000, true), InterruptTrouble::storm);
}

TEST(InterruptWatch, a_storm_that_lets_a_thread_run_now_and_then_is_one) {
    InterruptWatch watch;
    InterruptTrouble trouble{};
    for (int n = 0; n < 5 && trouble == InterruptTrouble::none; ++n) {
        trouble = after(watch, 9, 5000, true);
        if (trouble == InterruptTrouble::none) trouble = after(watch, 1, 5000, false);
    }
    EXPECT_EQ(trouble, InterruptTrouble::storm);
}

TEST(InterruptWatch, a_board_that_is_in_handlers_three_quarters_of_the_time_is_busy) {
    InterruptWatch watch;
    for (int n = 0; n < 1000; ++n) {
        EXPECT_EQ(after(watch, 3, 5000, true), InterruptTrouble::none);
        EXPECT_EQ(after(watch, 1, 5000, false), InterruptTrouble::none);
    }
}

TEST(InterruptWatch, few_interrupts_are_no_storm_wherever_the_ticks_fall) {
    InterruptWatch watch;
    EXPECT_EQ(after(watch, 1000, kStormPerTick - 1, true), InterruptTrouble::none);
}

}  // namespace watchdog_test
}  // namespace kyu
