// kill, block and unblock: nobody's stack is abandoned, nobody stops with a mutex in its hands.
#include <string>

#include "kernel/condvar.hpp"
#include "kernel/semaphore.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace control_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

constexpr Instant at_ms(std::int64_t n) { return Instant::from_us(n * 1000); }

struct Witness {
    bool& destroyed;
    ~Witness() { destroyed = true; }
};

TEST(Kill, ends_a_wait_for_ever_and_destroys_what_is_on_the_stack) {
    bool destroyed = false;
    Semaphore never{"never", 0};
    TestMachine machine;
    Thread& victim = machine.thread("victim", 10, [&](ThreadContext& self) {
        const Witness witness{destroyed};
        self.accept_kill();
        EXPECT_FALSE(never.wait(self, Instant::never()));
        EXPECT_TRUE(self.should_end());
        self.sleep_for(1_s);  // no later wait lasts either
        EXPECT_EQ(self.now(), at_ms(5));
    });
    machine.thread("killer", 20, [&](ThreadContext& self) {
        self.sleep_for(5_ms);
        EXPECT_EQ(victim.kill(self), KillResult::asked);
        EXPECT_TRUE(victim.join(self, Instant::never()));
        EXPECT_EQ(victim.kill(self), KillResult::ended);
        never.signal(self);
        EXPECT_EQ(never.count(), 1U) << "a dead thread waits for nothing";
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_TRUE(destroyed);
}

TEST(Kill, does_nothing_to_a_thread_that_has_not_accepted_it) {
    TestMachine machine;
    Thread& deaf = machine.thread("deaf", 10, [&](ThreadContext& self) {
        self.sleep_for(20_ms);
        EXPECT_EQ(self.now(), at_ms(20));
        EXPECT_FALSE(self.should_end());
    });
    machine.thread("killer", 20,
                   [&](ThreadContext& self) { EXPECT_EQ(deaf.kill(self), KillResult::deaf); });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(Kill, waits_for_a_mutex_still_get_it_and_give_it_back) {
    Mutex lock{"lock", HolderSleeps::may};
    bool had_it = false;
    TestMachine machine;
    machine.thread("owner", 10, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        self.sleep_for(10_ms);
    });
    Thread& victim = machine.thread("victim", 11, [&](ThreadContext& self) {
        self.accept_kill();
        self.sleep_for(1_ms);
        MutexGuard guard{lock, self};
        had_it = lock.held_by(self);
        self.sleep_for(1_s);
    });
    machine.thread("killer", 12, [&](ThreadContext& self) {
        self.sleep_for(5_ms);
        victim.kill(self);
        EXPECT_TRUE(victim.join(self, at_ms(15)));
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_TRUE(had_it);
    EXPECT_EQ(lock.owner(), nullptr);
}

TEST(Kill, a_condition_comes_back_with_its_mutex_held) {
    Mutex lock{"lock", HolderSleeps::may};
    CondVar changed{"changed"};
    TestMachine machine;
    Thread& victim = machine.thread("victim", 10, [&](ThreadContext& self) {
        self.accept_kill();
        MutexGuard guard{lock, self};
        while (!self.should_end()) changed.wait(self, lock, Instant::never());
        EXPECT_TRUE(lock.held_by(self));
    });
    machine.thread("killer", 20, [&](ThreadContext& self) { victim.kill(self); });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(Kill, a_thread_started_again_is_not_killed_any_more) {
    int rounds = 0;
    ThreadStack<8192> stack;
    Thread child{"child", Priority{10}, stack,
                 [](ThreadContext& self, void* count) {
                     EXPECT_FALSE(self.should_end());
                     self.accept_kill();
                     self.sleep_for(1_s);
                     ++*static_cast<int*>(count);
                 },
                 &rounds};
    TestMachine machine;
    machine.thread("parent", 20, [&](ThreadContext& self) {
        for (int i = 0; i < 2; ++i) {
            child.start(self);
            EXPECT_EQ(child.kill(self), KillResult::asked);
            EXPECT_TRUE(child.join(self, at_ms(500)));
        }
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(rounds, 2);
}

TEST(Block, a_ready_thread_does_not_run_until_it_is_unblocked) {
    std::string order;
    TestMachine machine;
    Thread& low = machine.thread("low", 20, [&](ThreadContext&) { order += "low "; });
    machine.thread("high", 10, [&](ThreadContext& self) {
        EXPECT_EQ(low.block(self), BlockResult::blocked);
        EXPECT_EQ(low.state(), ThreadState::blocked);
        self.sleep_for(10_ms);
        order += "high ";
        EXPECT_TRUE(low.unblock(self));
        EXPECT_FALSE(low.unblock(self));
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(order, "high low ");
}

TEST(Block, a_waiting_thread_keeps_what_it_is_given_and_goes_on_later) {
    Semaphore go{"go", 0};
    Instant went;
    TestMachine machine;
    Thread& waiter = machine.thread("waiter", 10, [&](ThreadContext& self) {
        EXPECT_TRUE(go.wait(self, Instant::never()));
        went = self.now();
    });
    machine.thread("other", 20, [&](ThreadContext& self) {
        EXPECT_EQ(waiter.block(self), BlockResult::blocked);
        go.signal(self);
        EXPECT_EQ(waiter.state(), ThreadState::blocked);
        self.sleep_for(30_ms);
        waiter.unblock(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(went, at_ms(30));
}

TEST(Block, an_owner_of_a_mutex_goes_on_until_it_gives_it_back) {
    Mutex lock{"lock", HolderSleeps::may};
    std::string order;
    TestMachine machine;
    Thread& owner = machine.thread("owner", 20, [&](ThreadContext& self) {
        {
            MutexGuard guard{lock, self};
            machine.machine().spend(10_ms);
            order += "owner-done ";
        }
        order += "owner-free ";
    });
    machine.thread("high", 10, [&](ThreadContext& self) {
        self.sleep_for(5_ms);
        EXPECT_EQ(owner.block(self), BlockResult::later);
        {
            MutexGuard guard{lock, self};
            order += "high-has-it ";
        }
        self.sleep_for(50_ms);
        EXPECT_EQ(owner.state(), ThreadState::blocked);
        owner.unblock(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(order, "owner-done high-has-it owner-free ");
}

TEST(Block, a_mutex_is_not_handed_to_somebody_who_stands_still) {
    // The waiter is blocked while the mutex is on its way to it: it must run until it lets go.
    Mutex lock{"lock", HolderSleeps::may};
    bool had_it = false;
    TestMachine machine;
    machine.thread("owner", 10, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        self.sleep_for(5_ms);
    });
    Thread& waiter = machine.daemon("waiter", 12, [&](ThreadContext& self) {
        self.sleep_for(1_ms);
        for (;;) {
            MutexGuard guard{lock, self};
            had_it = true;
        }
    });
    machine.thread("blocker", 11, [&](ThreadContext& self) {
        self.sleep_for(2_ms);
        EXPECT_EQ(waiter.block(self), BlockResult::later);
        self.sleep_for(10_ms);
        EXPECT_EQ(waiter.state(), ThreadState::blocked);
        EXPECT_TRUE(lock.try_lock(self));
        lock.unlock(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_TRUE(had_it);
}

TEST(Block, a_thread_may_block_itself_and_killing_lets_it_end) {
    bool ended = false;
    TestMachine machine;
    Thread& sleeper = machine.thread("sleeper", 10, [&](ThreadContext& self) {
        self.accept_kill();
        self.thread().block(self);
        ended = self.should_end();
    });
    machine.thread("other", 20, [&](ThreadContext& self) {
        EXPECT_EQ(sleeper.state(), ThreadState::blocked);
        EXPECT_EQ(sleeper.kill(self), KillResult::asked);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_TRUE(ended);
}

TEST(Block, the_idle_thread_cannot_be_blocked) {
    TestMachine machine;
    machine.thread("rude", 10, [&](ThreadContext& self) {
        for (Thread& each : self.kernel().threads()) {
            if (std::string_view{each.name()} == "idle") {
                EXPECT_EQ(each.block(self), BlockResult::refused);
            }
        }
        self.sleep_for(1_ms);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(Kernel, counts_switches_interrupts_and_idle_time) {
    TestMachine machine;
    machine.machine().at(at_ms(3), [](IrqContext&) {});
    machine.thread("only", 10, [&](ThreadContext& self) {
        const KernelCounters before = self.kernel().counters(self);
        machine.machine().spend(2_ms);
        self.sleep_for(8_ms);
        const KernelCounters after = self.kernel().counters(self);
        EXPECT_EQ(after.at - before.at, 10_ms);
        EXPECT_EQ(after.idle - before.idle, 8_ms);
        EXPECT_EQ(after.irqs - before.irqs, 2U) << "the one at 3 ms, and the alarm";
        EXPECT_EQ(after.switches - before.switches, 2U) << "to the idle thread and back";
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

}  // namespace control_test
}  // namespace kyu
