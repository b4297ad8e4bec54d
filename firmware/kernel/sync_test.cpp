// Semaphore, CondVar, Timer and MessageQueue: who gets what, in which order, and by when.
#include <array>
#include <string>
#include <vector>

#include "kernel/condvar.hpp"
#include "kernel/message_queue.hpp"
#include "kernel/semaphore.hpp"
#include "kernel/timer.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace sync_test {

using host::run_as_thread;
using host::Stop;
using host::TestMachine;
using namespace time_literals;

constexpr Instant at_ms(std::int64_t n) { return Instant::from_us(n * 1000); }

TEST(Semaphore, counts_what_is_there) {
    Semaphore free{"free", 2};
    run_as_thread([&](ThreadContext& self) {
        EXPECT_TRUE(free.wait(self, Instant::never()));
        EXPECT_TRUE(free.try_wait(self));
        EXPECT_FALSE(free.try_wait(self));
        free.signal(self);
        EXPECT_EQ(free.count(), 1U);
    });
}

TEST(Semaphore, a_wait_ends_at_its_deadline_and_a_past_one_takes_what_is_there) {
    Semaphore free{"free", 0};
    run_as_thread([&](ThreadContext& self) {
        EXPECT_FALSE(free.wait(self, at_ms(20)));
        EXPECT_EQ(self.now(), at_ms(20));
        EXPECT_FALSE(free.wait(self, at_ms(5)));
        free.signal(self);
        EXPECT_TRUE(free.wait(self, at_ms(5)));
        EXPECT_EQ(self.now(), at_ms(20));
    });
}

TEST(Semaphore, serves_the_most_urgent_first_and_equals_in_the_order_they_came) {
    std::string order;
    Semaphore go{"go", 0};
    TestMachine machine;
    const std::array<std::pair<const char*, unsigned>, 4> waiters{
        {{"low ", 20}, {"first ", 10}, {"second ", 10}, {"high ", 5}}};
    unsigned delay = 1;
    for (const auto& waiter : waiters) {
        machine.thread(waiter.first, waiter.second,
                       [&, name = waiter.first, delay](ThreadContext& self) {
                           self.sleep_until(at_ms(delay));
                           go.wait(self, Instant::never());
                           order += name;
                       });
        ++delay;
    }
    machine.thread("giver", 30, [&](ThreadContext& self) {
        self.sleep_until(at_ms(50));
        for (int i = 0; i < 4; ++i) go.signal(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, "high first second low ");
}

TEST(Semaphore, in_fifo_order_serves_who_has_waited_longest_whatever_its_priority) {
    std::string order;
    Semaphore go{"go", 0, WaitOrder::fifo};
    TestMachine machine;
    unsigned delay = 1;
    for (const unsigned priority : {20U, 5U, 10U}) {
        machine.thread("waiter", priority, [&, priority, delay](ThreadContext& self) {
            self.sleep_until(at_ms(delay));
            go.wait(self, Instant::never());
            order += std::to_string(priority) + " ";
        });
        ++delay;
    }
    machine.thread("giver", 30, [&](ThreadContext& self) {
        self.sleep_until(at_ms(50));
        for (int i = 0; i < 3; ++i) go.signal(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(order, "20 5 10 ");
}

TEST(Semaphore, in_fifo_order_a_thread_that_inherits_a_priority_keeps_its_place) {
    std::string order;
    Semaphore go{"go", 0, WaitOrder::fifo};
    Mutex lock{"lock", HolderSleeps::may};
    TestMachine machine;
    machine.thread("first", 20, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        go.wait(self, Instant::never());
        order += "first ";
    });
    machine.thread("second", 21, [&](ThreadContext& self) {
        go.wait(self, Instant::never());
        order += "second ";
    });
    machine.thread("urgent", 5, [&](ThreadContext& self) {
        self.sleep_until(at_ms(5));
        MutexGuard guard{lock, self};
    });
    machine.thread("giver", 30, [&](ThreadContext& self) {
        self.sleep_until(at_ms(10));
        for (int i = 0; i < 2; ++i) go.signal(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(order, "first second ");
}

TEST(Semaphore, a_signal_cannot_be_overtaken) {
    // The unit goes to who waits: a thread that asks later, before the waiter has run, gets none.
    Semaphore go{"go", 0};
    TestMachine machine;
    machine.thread("waiter", 20,
                   [&](ThreadContext& self) { EXPECT_TRUE(go.wait(self, Instant::never())); });
    machine.thread("thief", 10, [&](ThreadContext& self) {
        self.sleep_for(1_ms);
        go.signal(self);
        EXPECT_FALSE(go.try_wait(self));
    });
    EXPECT_EQ(machine.run(), Stop::asked);
}

TEST(Semaphore, an_interrupt_signals_and_the_thread_runs_at_once) {
    Semaphore frame{"frame", 0};
    TestMachine machine;
    machine.machine().at(at_ms(7), [&](IrqContext& irq) { frame.signal(irq); });
    machine.thread("driver", 10, [&](ThreadContext& self) {
        EXPECT_TRUE(frame.wait(self, Instant::never()));
        EXPECT_EQ(self.now(), at_ms(7));
    });
    EXPECT_EQ(machine.run(), Stop::asked);
}

TEST(CondVar, no_wake_up_is_lost_between_predicate_and_sleep) {
    Mutex lock{"lock", HolderSleeps::may};
    CondVar changed{"changed"};
    int value = 0;
    TestMachine machine;
    machine.thread("waiter", 20, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        while (value == 0) EXPECT_TRUE(changed.wait(self, lock, at_ms(1000)));
        EXPECT_TRUE(lock.held_by(self));
        EXPECT_EQ(value, 42);
    });
    // More urgent than the waiter, it comes while the waiter holds the lock and must wait for it.
    machine.machine().on_scheduling_point([](host::Machine& m) { m.spend(10_us); });
    machine.thread("setter", 5, [&](ThreadContext& self) {
        self.sleep_for(15_us);
        MutexGuard guard{lock, self};
        value = 42;
        changed.signal(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_LT(machine.now(), at_ms(1000));
}

TEST(CondVar, waits_until_the_deadline_with_the_mutex_free_meanwhile) {
    Mutex lock{"lock", HolderSleeps::may};
    CondVar changed{"changed"};
    bool other_had_it = false;
    TestMachine machine;
    machine.thread("waiter", 10, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        EXPECT_FALSE(changed.wait(self, lock, at_ms(10)));
        EXPECT_EQ(self.now(), at_ms(10));
        EXPECT_TRUE(other_had_it);
        EXPECT_FALSE(changed.wait(self, lock, at_ms(10))) << "a past deadline does not wait";
    });
    machine.thread("other", 20, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        other_had_it = true;
    });
    EXPECT_EQ(machine.run(), Stop::asked);
}

TEST(CondVar, a_signal_and_a_deadline_at_the_same_time_wake_once) {
    for (const int signal_us : {9'999, 10'000, 10'001}) {
        Mutex lock{"lock", HolderSleeps::may};
        CondVar changed{"changed"};
        bool woken = false;
        bool signalled_somebody = false;
        TestMachine machine;
        machine.thread("waiter", 10, [&](ThreadContext& self) {
            MutexGuard guard{lock, self};
            woken = changed.wait(self, lock, at_ms(10));
        });
        machine.thread("signaller", 5, [&](ThreadContext& self) {
            self.sleep_until(Instant::from_us(signal_us));
            MutexGuard guard{lock, self};
            signalled_somebody = changed.has_waiters();
            changed.signal(self);
        });
        EXPECT_EQ(machine.run(), Stop::asked);
        EXPECT_EQ(woken, signalled_somebody) << "signal at " << signal_us;
    }
}

TEST(CondVar, broadcast_wakes_all_in_order_of_priority) {
    Mutex lock{"lock", HolderSleeps::may};
    CondVar changed{"changed"};
    std::string order;
    TestMachine machine;
    for (const unsigned priority : {12U, 10U, 11U}) {
        machine.thread("waiter", priority, [&, priority](ThreadContext& self) {
            MutexGuard guard{lock, self};
            EXPECT_TRUE(changed.wait(self, lock, Instant::never()));
            order += std::to_string(priority) + " ";
        });
    }
    machine.thread("teller", 20, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        changed.broadcast(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(order, "10 11 12 ");
}

struct Note {
    std::string* text;
    const char* name;
};

void write_note(IrqContext& /*irq*/, void* argument) {
    auto& note = *static_cast<Note*>(argument);
    *note.text += note.name;
}

TEST(Timer, fire_by_deadline_and_equals_in_the_order_they_were_armed) {
    std::string order;
    std::array<Note, 4> notes{{{&order, "a"}, {&order, "b"}, {&order, "c"}, {&order, "d"}}};
    std::array<Timer, 4> timers{Timer{write_note, &notes[0]}, Timer{write_note, &notes[1]},
                                Timer{write_note, &notes[2]}, Timer{write_note, &notes[3]}};
    run_as_thread([&](ThreadContext& self) {
        timers[0].arm(self, at_ms(30));
        timers[1].arm(self, at_ms(10));
        timers[2].arm(self, at_ms(30));
        timers[3].arm(self, at_ms(20));
        self.sleep_until(at_ms(25));
        EXPECT_EQ(order, "bd");
        self.sleep_until(at_ms(40));
        EXPECT_EQ(order, "bdac");
    });
}

TEST(Timer, cancelled_or_moved_fires_not_or_later) {
    std::string order;
    std::array<Note, 2> notes{{{&order, "a"}, {&order, "b"}}};
    Timer a{write_note, &notes[0]};
    Timer b{write_note, &notes[1]};
    run_as_thread([&](ThreadContext& self) {
        a.arm(self, at_ms(10));
        b.arm(self, at_ms(10));
        EXPECT_TRUE(a.cancel(self));
        EXPECT_FALSE(a.cancel(self));
        b.arm(self, at_ms(20));
        self.sleep_until(at_ms(15));
        EXPECT_EQ(order, "");
        self.sleep_until(at_ms(25));
        EXPECT_EQ(order, "b");
        b.arm(self, at_ms(3));
        EXPECT_EQ(order, "bb") << "a past deadline fires at once";
        b.arm(self, at_ms(30));
        b.arm(self, Instant::never());
        EXPECT_FALSE(b.armed());
    });
}

TEST(Timer, that_arms_itself_for_the_past_does_not_stop_the_threads) {
    struct Greedy {
        Timer timer{&Greedy::fire, this};
        int fired = 0;
        static void fire(IrqContext& irq, void* greedy) {
            auto& me = *static_cast<Greedy*>(greedy);
            if (++me.fired < 100) me.timer.arm(irq, Instant{});
        }
    } greedy;
    run_as_thread([&](ThreadContext& self) {
        greedy.timer.arm(self, at_ms(1));
        self.sleep_until(at_ms(2));
        EXPECT_EQ(greedy.fired, 100);
        EXPECT_GE(self.kernel().irq_count(), 50U) << "two were armed: two a time at most";
    });
}

TEST(Timer, dies_armed_without_harm) {
    std::string order;
    Note note{&order, "x"};
    run_as_thread([&](ThreadContext& self) {
        {
            Timer timer{write_note, &note};
            timer.arm(self, at_ms(1));
        }
        self.sleep_until(at_ms(5));
        EXPECT_EQ(order, "");
    });
}

TEST(MessageQueue, keeps_the_order_and_waits_when_full_or_empty) {
    MessageQueue<int, 2> queue{"queue"};
    std::vector<int> got;
    TestMachine machine;
    machine.thread("sender", 10, [&](ThreadContext& self) {
        for (int i = 0; i < 6; ++i) EXPECT_TRUE(queue.send(self, i, Instant::never()));
    });
    machine.thread("receiver", 20, [&](ThreadContext& self) {
        int value = -1;
        while (got.size() < 6 && queue.receive(self, value, Instant::never())) {
            got.push_back(value);
        }
        EXPECT_FALSE(queue.receive(self, value, self.now() + 5_ms));
        EXPECT_EQ(self.now(), at_ms(5));
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(got, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(MessageQueue, refuses_an_interrupt_when_full_and_a_thread_at_its_deadline) {
    MessageQueue<int, 2> queue{"queue"};
    std::vector<bool> taken;
    TestMachine machine;
    machine.machine().at(at_ms(1), [&](IrqContext& irq) {
        for (int i = 0; i < 3; ++i) taken.push_back(queue.try_send(irq, i));
    });
    machine.thread("sender", 10, [&](ThreadContext& self) {
        self.sleep_until(at_ms(2));
        EXPECT_FALSE(queue.send(self, 9, at_ms(4)));
        EXPECT_EQ(queue.size(), 2U);
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(taken, (std::vector<bool>{true, true, false}));
}

}  // namespace sync_test
}  // namespace kyu
