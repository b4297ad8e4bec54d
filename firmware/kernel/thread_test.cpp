#include "kernel/thread.hpp"

#include <string>
#include <vector>

#include "kernel/semaphore.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace thread_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

constexpr Instant at_ms(std::int64_t n) { return Instant::from_us(n * 1000); }

TEST(Thread, the_most_urgent_runs_first) {
    std::string order;
    TestMachine machine;
    machine.thread("low", 20, [&](ThreadContext&) { order += "low "; });
    machine.thread("high", 3, [&](ThreadContext&) { order += "high "; });
    machine.thread("middle", 10, [&](ThreadContext&) { order += "middle "; });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, "high middle low ");
}

TEST(Thread, an_interrupt_that_wakes_a_more_urgent_one_preempts_in_the_middle) {
    std::vector<std::string> order;
    TestMachine machine;
    machine.thread("urgent", 3, [&](ThreadContext& self) {
        self.sleep_for(5_ms);
        order.push_back("urgent at " + std::to_string(self.now().ms()));
    });
    machine.thread("busy", 20, [&](ThreadContext& self) {
        machine.machine().spend(8_ms);
        order.push_back("busy at " + std::to_string(self.now().ms()));
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, (std::vector<std::string>{"urgent at 5", "busy at 8"}));
}

TEST(Thread, starting_a_more_urgent_thread_runs_it_at_once) {
    std::string order;
    ThreadStack<8192> stack;
    Thread child{"child", Priority{5}, stack,
                 [](ThreadContext&, void* text) { *static_cast<std::string*>(text) += "child "; },
                 &order};
    TestMachine machine;
    machine.thread("parent", 10, [&](ThreadContext& self) {
        child.start(self);
        order += "parent ";
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, "child parent ");
}

TEST(Thread, equals_share_the_processor_in_slices_of_ten_milliseconds) {
    std::vector<std::string> order;
    TestMachine machine;
    for (const char* name : {"a", "b", "c"}) {
        machine.thread(name, 10, [&, name](ThreadContext& self) {
            for (int piece = 0; piece < 5; ++piece) {
                machine.machine().spend(5_ms);
                order.push_back(name + std::to_string(self.now().ms()));
            }
        });
    }
    EXPECT_EQ(machine.run(), Stop::asked);
    // Slices end at 10, 20, 30 …; a piece that ends exactly with the slice is noted in the next.
    EXPECT_EQ(order.front(), "a5");
    EXPECT_EQ(order[1], "b15");
    EXPECT_EQ(order[2], "c25");
    EXPECT_EQ(machine.now(), at_ms(75));
}

TEST(Thread, an_equal_that_a_device_wakes_waits_no_longer_than_a_slice) {
    Semaphore frame{"frame", 0};
    Instant served;
    TestMachine machine;
    machine.machine().at(at_ms(3), [&](IrqContext& irq) { frame.signal(irq); });
    machine.thread("server", 10, [&](ThreadContext& self) {
        frame.wait(self, Instant::never());
        served = self.now();
    });
    machine.thread("busy", 10, [&](ThreadContext&) { machine.machine().spend(1_s); });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(served, at_ms(10));
}

TEST(Thread, whoever_was_pushed_aside_goes_on_before_its_equals) {
    std::vector<std::string> order;
    TestMachine machine;
    machine.thread("urgent", 3, [&](ThreadContext& self) { self.sleep_for(4_ms); });
    for (const char* name : {"a", "b"}) {
        machine.thread(name, 10, [&, name](ThreadContext&) {
            machine.machine().spend(8_ms);
            order.push_back(name);
        });
    }
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, (std::vector<std::string>{"a", "b"}));
}

TEST(Thread, yield_lets_equals_run_but_nobody_below) {
    std::string order;
    TestMachine machine;
    machine.thread("a", 10, [&](ThreadContext& self) {
        order += "a1 ";
        self.yield();
        order += "a2 ";
    });
    machine.thread("b", 10, [&](ThreadContext&) { order += "b "; });
    machine.thread("low", 11, [&](ThreadContext&) { order += "low "; });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, "a1 b a2 low ");
}

TEST(Thread, sleeps_until_its_deadline_and_not_at_all_for_a_past_one) {
    host::run_as_thread([](ThreadContext& self) {
        self.sleep_until(at_ms(30));
        EXPECT_EQ(self.now(), at_ms(30));
        self.sleep_until(at_ms(10));
        EXPECT_EQ(self.now(), at_ms(30));
        self.sleep_for(250_us);
        EXPECT_EQ(self.now(), at_ms(30) + 250_us);
    });
}

TEST(Thread, join_waits_for_the_end_and_a_finished_thread_may_start_again) {
    int runs = 0;
    ThreadStack<8192> stack;
    Thread child{"child", Priority{20}, stack,
                 [](ThreadContext& self, void* count) {
                     self.sleep_for(3_ms);
                     ++*static_cast<int*>(count);
                 },
                 &runs};
    TestMachine machine;
    machine.thread("parent", 10, [&](ThreadContext& self) {
        EXPECT_TRUE(child.join(self, Instant::never())) << "never started counts as ended";
        child.start(self);
        EXPECT_FALSE(child.join(self, self.now() + 1_ms));
        EXPECT_TRUE(child.join(self, Instant::never()));
        EXPECT_EQ(runs, 1);
        child.start(self);
        EXPECT_TRUE(child.join(self, self.now() + 1_s));
        EXPECT_EQ(runs, 2);
        EXPECT_EQ(child.state(), ThreadState::finished);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(Thread, counts_its_time_and_its_stack) {
    TestMachine machine;
    Thread& busy = machine.thread("busy", 10, [&](ThreadContext& self) {
        machine.machine().spend(7_ms);
        self.sleep_for(5_ms);
        machine.machine().spend(2_ms);
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(busy.cpu(), 9_ms);
    EXPECT_EQ(busy.switches(), 2U);
    EXPECT_GT(busy.stack_used(), 0U);
    EXPECT_LT(busy.stack_used(), busy.stack().size());
}

TEST(Thread, a_stack_that_overflows_is_named) {
    TestMachine machine;
    machine.thread("deep", 10, [&](ThreadContext& self) {
        self.thread().stack()[0] = std::byte{0};
        self.sleep_for(1_ms);
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(machine.text().find("PANIC: stack overflow of thread deep"), std::string::npos);
}

TEST(Thread, ending_with_a_mutex_held_is_a_panic) {
    Mutex left{"left", HolderSleeps::may};
    TestMachine machine;
    machine.thread("rude", 10, [&](ThreadContext& self) KYU_NO_ANALYSIS { left.lock(self); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(machine.text().find("thread rude ended while it held mutex left"), std::string::npos);
}

TEST(Thread, sleeping_with_interrupts_off_is_a_panic) {
    TestMachine machine;
    machine.thread("rude", 10, [&](ThreadContext& self) {
        IrqsOff off{self};
        self.sleep_for(1_ms);
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(machine.text().find("kind=check"), std::string::npos);
}

TEST(Thread, preemption_waits_for_the_end_of_the_outermost_irqs_off) {
    std::string order;
    Semaphore go{"go", 0};
    TestMachine machine;
    machine.thread("urgent", 3, [&](ThreadContext& self) {
        go.wait(self, Instant::never());
        order += "urgent ";
    });
    machine.thread("low", 10, [&](ThreadContext& self) {
        {
            IrqsOff outer{self};
            {
                IrqsOff inner{self};
                go.signal(self);
            }
            order += "still-low ";
        }
        order += "low ";
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, "still-low urgent low ");
}

TEST(Thread, the_list_shows_what_each_waits_for) {
    Semaphore never{"never", 0};
    TestMachine machine;
    machine.daemon("waiter", 5, [&](ThreadContext& self) { never.wait(self, Instant::never()); });
    machine.thread("looker", 10, [&](ThreadContext& self) {
        ThreadInfo info;
        EXPECT_TRUE(self.kernel().thread_info(self, 0, info));
        EXPECT_STREQ(info.name, "waiter");
        EXPECT_EQ(info.state, ThreadState::waiting);
        EXPECT_STREQ(info.waits_kind, "semaphore");
        EXPECT_STREQ(info.waits_name, "never");
        EXPECT_TRUE(self.kernel().thread_info(self, 2, info));
        EXPECT_STREQ(info.name, "idle");
        EXPECT_FALSE(self.kernel().thread_info(self, 3, info));
    });
    EXPECT_EQ(machine.run(), Stop::asked);
}

TEST(Machine, time_stands_still_between_runs_and_jumps_within) {
    TestMachine machine;
    machine.thread("sleeper", 10, [](ThreadContext& self) { self.sleep_for(1_s); });
    EXPECT_EQ(machine.run(at_ms(300)), Stop::deadline);
    EXPECT_EQ(machine.now(), at_ms(300));
    EXPECT_EQ(machine.machine().next_event(), at_ms(1000));
    EXPECT_EQ(machine.run(at_ms(2000)), Stop::asked);
    EXPECT_EQ(machine.now(), at_ms(1000));
}

TEST(Machine, a_thread_that_spins_without_time_is_stopped) {
    TestMachine machine;
    machine.thread("spinner", 10, [](ThreadContext& self) {
        for (;;) self.yield();
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(machine.text().find("the clock stands still"), std::string::npos);
}

}  // namespace thread_test
}  // namespace kyu
