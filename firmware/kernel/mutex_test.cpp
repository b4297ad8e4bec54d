#include "kernel/mutex.hpp"

#include <string>

#include "kernel/semaphore.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace mutex_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

constexpr Instant at_ms(std::int64_t n) { return Instant::from_us(n * 1000); }

TEST(Mutex, has_one_owner_and_remembers_where_it_was_taken) {
    Mutex lock{"lock", HolderSleeps::may};
    TestMachine machine;
    machine.thread("first", 10, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        EXPECT_TRUE(lock.held_by(self));
        EXPECT_NE(lock.taken_at(), 0U);
        self.sleep_for(5_ms);
    });
    machine.thread("second", 10, [&](ThreadContext& self) KYU_NO_ANALYSIS {
        EXPECT_FALSE(lock.held_by(self));
        EXPECT_FALSE(lock.try_lock(self));
        MutexGuard guard{lock, self};
        EXPECT_EQ(self.now(), at_ms(5));
        EXPECT_NE(lock.taken_at(), 0U);
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(lock.owner(), nullptr);
}

TEST(Mutex, is_handed_to_the_most_urgent_waiter_and_cannot_be_stolen) {
    std::string order;
    Mutex lock{"lock", HolderSleeps::may};
    TestMachine machine;
    machine.thread("owner", 10, [&](ThreadContext& self) {
        for (int i = 0; i < 2; ++i) {
            MutexGuard guard{lock, self};
            order += "owner ";
            self.sleep_for(5_ms);
        }
    });
    machine.thread("low", 20, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        order += "low ";
    });
    machine.thread("middle", 15, [&](ThreadContext& self) {
        self.sleep_for(1_ms);
        MutexGuard guard{lock, self};
        order += "middle ";
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    // The owner asks again at once, and goes behind those who wait only where they are as urgent.
    EXPECT_EQ(order, "owner middle owner low ");
}

TEST(Mutex, the_owner_inherits_the_priority_of_its_waiters_along_the_chain) {
    Mutex inner{"inner", HolderSleeps::may};
    Mutex outer{"outer", HolderSleeps::may};
    std::string order;
    TestMachine machine;
    Thread& low = machine.thread("low", 20, [&](ThreadContext& self) {
        {
            MutexGuard guard{inner, self};
            machine.machine().spend(10_ms);
            order += "low ";
            EXPECT_EQ(self.thread().priority(), Priority{3});
        }
        EXPECT_EQ(self.thread().priority(), Priority{20});
    });
    machine.thread("middle", 15, [&](ThreadContext& self) {
        self.sleep_until(at_ms(1));
        MutexGuard guard_outer{outer, self};
        MutexGuard guard_inner{inner, self};
    });
    machine.thread("hog", 10, [&](ThreadContext& self) {
        self.sleep_until(at_ms(3));
        machine.machine().spend(50_ms);
        order += "hog ";
    });
    machine.thread("high", 3, [&](ThreadContext& self) {
        self.sleep_until(at_ms(2));
        MutexGuard guard{outer, self};
        order += "high ";
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(order, "low high hog ") << "the hog must not delay who waits for low";
    EXPECT_EQ(low.priority(), Priority{20});
}

TEST(Mutex, locking_what_one_holds_is_a_deadlock_that_says_so) {
    Mutex lock{"net", HolderSleeps::may};
    TestMachine machine;
    machine.thread("wang-3", 10, [&](ThreadContext& self) KYU_NO_ANALYSIS {
        lock.lock(self);
        lock.lock(self);
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(machine.text().find("PANIC: wang-3 waits for net held by wang-3\r\n"),
              std::string::npos);
    EXPECT_NE(machine.text().find("kind=deadlock"), std::string::npos);
}

TEST(Mutex, unlocking_what_another_holds_is_a_panic) {
    Mutex lock{"net", HolderSleeps::may};
    TestMachine machine;
    machine.thread("owner", 10, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        self.sleep_for(1_s);
    });
    machine.thread("rude", 20, [&](ThreadContext& self) KYU_NO_ANALYSIS { lock.unlock(self); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(machine.text().find("rude unlocks mutex net which owner holds"), std::string::npos);
}

TEST(Mutex, a_cycle_of_three_is_printed_when_it_closes) {
    Mutex a{"A", HolderSleeps::may};
    Mutex b{"B", HolderSleeps::may};
    Mutex c{"C", HolderSleeps::may};
    TestMachine machine;
    const auto take_both = [](Mutex& first, Mutex& second) {
        return [&](ThreadContext& self) {
            MutexGuard guard_first{first, self};
            self.sleep_for(1_ms);
            MutexGuard guard_second{second, self};
        };
    };
    machine.thread("t-1", 10, take_both(a, b));
    machine.thread("t-2", 10, take_both(b, c));
    machine.thread("t-3", 10, take_both(c, a));
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(machine.text().find("reason=\"t-3 waits for A held by t-1 waits for B held by t-2 "
                                  "waits for C held by t-3\""),
              std::string::npos)
        << machine.text();
    EXPECT_EQ(a.owner(), nullptr) << "the machine is off: its mutexes may die";
}

TEST(Mutex, a_chain_without_a_cycle_just_waits) {
    Mutex a{"A", HolderSleeps::may};
    Mutex b{"B", HolderSleeps::may};
    TestMachine machine;
    for (int i = 0; i < 4; ++i) {
        machine.thread("t", 10, [&](ThreadContext& self) {
            for (int round = 0; round < 10; ++round) {
                MutexGuard guard_a{a, self};
                self.sleep_for(1_ms);
                MutexGuard guard_b{b, self};
                self.yield();
            }
        });
    }
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(machine.now(), at_ms(40));
}

}  // namespace mutex_test
}  // namespace kyu
