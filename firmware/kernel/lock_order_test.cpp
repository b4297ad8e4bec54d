// Two mutexes taken in both orders are found the first time, long before two threads meet there.
#include "kernel/lock_order.hpp"

#include <string>

#include "kernel/kernel.hpp"
#include "kernel/semaphore.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace lock_order_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

bool says(const TestMachine& machine, const std::string& text) {
    return machine.text().find(text) != std::string::npos;
}

void take_both(ThreadContext& self, Mutex& first, Mutex& second) {
    MutexGuard outer{first, self};
    MutexGuard inner{second, self};
}

TEST(LockOrder, an_inversion_is_reported_though_no_thread_ever_waited) {
    Mutex a{"a"};
    Mutex b{"b"};
    TestMachine machine;
    machine.thread("only", 10, [&](ThreadContext& self) {
        take_both(self, a, b);
        take_both(self, b, a);
        ADD_FAILURE() << "not reached";
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_TRUE(says(machine, "PANIC: lock order: a taken at ")) << machine.text();
    EXPECT_TRUE(says(machine, " while b is held, and before b at "));
    EXPECT_TRUE(says(machine, "kind=deadlock"));
}

TEST(LockOrder, a_ring_of_three_is_one_too) {
    Mutex a{"a"};
    Mutex b{"b"};
    Mutex c{"c"};
    TestMachine machine;
    machine.thread("only", 10, [&](ThreadContext& self) {
        take_both(self, a, b);
        take_both(self, b, c);
        take_both(self, c, a);
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_TRUE(says(machine, "lock order: a taken at ")) << machine.text();
    EXPECT_TRUE(says(machine, "while c is held, and before c was taken under a, through others"));
}

TEST(LockOrder, one_order_may_be_taken_by_anybody_as_often_as_they_like) {
    Mutex a{"a"};
    Mutex b{"b"};
    Mutex c{"c"};
    TestMachine machine;
    for (const char* name : {"one", "two"}) {
        machine.thread(name, 10, [&](ThreadContext& self) {
            for (int n = 0; n < 3; ++n) {
                take_both(self, a, b);
                take_both(self, a, c);
                take_both(self, b, c);
                self.sleep_for(1_ms);
            }
        });
    }
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(LockOrder, a_try_waits_for_nothing_and_asks_for_no_order) {
    Mutex a{"a"};
    Mutex b{"b"};
    TestMachine machine;
    machine.thread("only", 10, [&](ThreadContext& self) KYU_NO_ANALYSIS {
        take_both(self, a, b);
        MutexGuard outer{b, self};
        EXPECT_TRUE(a.try_lock(self));
        a.unlock(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(LockOrder, a_mutex_that_died_leaves_no_order_behind) {
    Mutex a{"a"};
    TestMachine machine;
    machine.thread("only", 10, [&](ThreadContext& self) {
        for (unsigned n = 0; n < 3 * kOrderedLocksMax; ++n) {
            Mutex b{"b"};
            if (n % 2 == 0) {
                take_both(self, a, b);
            } else {
                take_both(self, b, a);
            }
        }
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(SleepWithALock, is_a_panic_that_names_both_before_anybody_waits_for_it) {
    Mutex lock{"net"};
    Semaphore news{"news", 0};
    TestMachine machine;
    machine.thread("closer", 10, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        news.wait(self, self.now() + 5_ms);
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_TRUE(says(machine, "PANIC: closer sleeps in semaphore news while it holds mutex net"));
    EXPECT_TRUE(says(machine, "kind=deadlock"));
}

TEST(SleepWithALock, is_allowed_where_the_mutex_says_so) {
    Mutex lock{"console", HolderSleeps::may};
    TestMachine machine;
    machine.thread("writer", 10, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        self.sleep_for(5_ms);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(SleepWithALock, waiting_for_another_mutex_is_not_sleeping) {
    Mutex outer{"outer"};
    Mutex inner{"inner", HolderSleeps::may};
    TestMachine machine;
    machine.thread("holder", 10, [&](ThreadContext& self) {
        MutexGuard guard{inner, self};
        self.sleep_for(5_ms);
    });
    machine.thread("waiter", 11, [&](ThreadContext& self) {
        MutexGuard first{outer, self};
        MutexGuard second{inner, self};
        EXPECT_EQ(self.now(), Instant::from_us(5000));
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

}  // namespace lock_order_test
}  // namespace kyu
