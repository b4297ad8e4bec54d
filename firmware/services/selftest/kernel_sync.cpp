// The menu k, second half: semaphores, interrupts, conditions, join, mutex, cancel.
//
// Context   the shell's thread (services/selftest/selftest.hpp).
#include <array>

#include "kernel/char_queue.hpp"
#include "kernel/condvar.hpp"
#include "kernel/kernel.hpp"
#include "kernel/semaphore.hpp"
#include "kernel/timer.hpp"
#include "services/selftest/kernel_tests.hpp"

namespace kyu::selftest {
namespace {

using namespace time_literals;

struct Letters {
    TextBuffer<64> text;
    void note(ThreadContext& self, std::string_view word) {
        const IrqsOff off{self};
        text.put(word);
    }
};

/// Sleeps until `semaphore` has as many waiters as were started: each has had its turn.
void let_them_wait(ThreadContext& self, Run& run, std::span<Thread* const> threads) {
    const Instant give_up = self.now() + kPatience;
    for (const Thread* each : threads) {
        while (each->state() != ThreadState::waiting && self.now() < give_up) self.sleep_for(1_ms);
        run.expect(each->state() == ThreadState::waiting, "a thread waits when there is nothing");
    }
}

/// A lower and a low thread wait in this order; returns who was served first, `L` or `l`.
void serve_two(ThreadContext& self, Run& run, WaitOrder order, std::string_view expected) {
    Semaphore go{"k-go", 0, order};
    Letters letters;
    auto wait_as = [&](ThreadContext& me, const char* letter) {
        if (go.wait(me, me.now() + kPatience)) letters.note(me, letter);
    };
    auto lower = [&](ThreadContext& me) { wait_as(me, "L"); };
    auto low = [&](ThreadContext& me) { wait_as(me, "l"); };
    Threads threads{self, run};
    std::array<Thread*, 1> who{&threads.start("k-lower", kLower, lower)};
    let_them_wait(self, run, who);
    who[0] = &threads.start("k-low", kLow, low);
    let_them_wait(self, run, who);
    go.signal(self);
    self.sleep_for(5_ms);
    go.signal(self);
    threads.join();
    run.expect(letters.text.view() == expected, "they are served in the order that was asked for");
}

void signal_it(IrqContext& irq, void* semaphore) {
    static_cast<Semaphore*>(semaphore)->signal(irq);
}

}  // namespace

void test_semaphore_priority(ThreadContext& self, Run& run) {
    serve_two(self, run, WaitOrder::priority, "lL");
}

void test_semaphore_fifo(ThreadContext& self, Run& run) {
    serve_two(self, run, WaitOrder::fifo, "Ll");
}

void test_semaphore_timeout(ThreadContext& self, Run& run) {
    Semaphore units{"k-units", 2};
    run.expect(units.try_wait(self) && units.try_wait(self), "two are there");
    run.expect(!units.try_wait(self), "a third is not, and try does not wait");
    const Instant start = self.now();
    run.expect(!units.wait(self, start + 10_ms), "a wait ends at its deadline");
    run.expect(self.now() >= start + 10_ms, "and not before");
    units.signal(self);
    run.expect(units.wait(self, start), "a past deadline takes what is there");
}

void test_semaphore_interrupt(ThreadContext& self, Run& run) {
    Semaphore frames{"k-frames", 0};
    Timer timer{&signal_it, &frames};
    for (int i = 0; i < 10; ++i) {
        timer.arm(self, self.now() + 1_ms);
        run.expect(frames.wait(self, self.now() + kPatience), "an interrupt wakes who waits");
    }
    run.expect(frames.count() == 0, "one wake-up each");
}

void test_interrupts_off(ThreadContext& self, Run& run) {
    Semaphore fired{"k-fired", 0};
    Timer timer{&signal_it, &fired};
    const std::uint32_t before = self.kernel().irq_count();
    {
        const IrqsOff off{self};
        timer.arm(self, self.now() + 1_ms);
        run.board().spend(3_ms);
        run.expect(fired.count() == 0 && self.kernel().irq_count() == before,
                   "no interrupt comes while they are off");
    }
    run.expect(fired.wait(self, self.now() + kPatience), "the one that was due comes afterwards");
    run.expect(self.kernel().irq_count() != before, "and is counted");
}

namespace {

// A device that gives four characters an interrupt.
struct Typist {
    static constexpr unsigned kCharacters = 64;
    CharQueue<32> queue{"k-characters"};
    Timer timer{&Typist::type, this};
    unsigned sent{0};

    static void type(IrqContext& irq, void* me) {
        auto& typist = *static_cast<Typist*>(me);
        for (int i = 0; i < 4; ++i) {
            static_cast<void>(typist.queue.put(irq, static_cast<char>(typist.sent++)));
        }
        if (typist.sent < kCharacters) typist.timer.arm(irq, port::now() + 1_ms);
    }
};

}  // namespace

void test_interrupt_characters(ThreadContext& self, Run& run) {
    Typist typist;
    typist.timer.arm(self, self.now() + 1_ms);
    for (unsigned expected = 0; expected < Typist::kCharacters; ++expected) {
        char c = 0;
        if (!typist.queue.get(self, c, self.now() + kPatience)) return run.fail("one is missing");
        run.expect(c == static_cast<char>(expected), "they come in order");
    }
    run.expect(typist.queue.dropped() == 0 && typist.queue.size() == 0, "all, and no more");
}

void test_condition(ThreadContext& self, Run& run) {
    constexpr int kRounds = 100;
    Mutex lock{"k-ball"};
    CondVar moved{"k-ball-moved"};
    int ball = 0;  // even: the shell's turn
    auto player = [&](ThreadContext& me) {
        MutexGuard guard{lock, me};
        for (int round = 0; round < kRounds; ++round) {
            while (ball % 2 == 0) {
                if (!moved.wait(me, lock, me.now() + kPatience)) return;
            }
            ++ball;
            moved.signal(me);
        }
    };
    Threads threads{self, run};
    threads.start("k-player", kLow, player);
    MutexGuard guard{lock, self};
    for (int round = 0; round < kRounds; ++round) {
        ++ball;
        moved.signal(self);
        while (ball % 2 == 1) {
            if (!moved.wait(self, lock, self.now() + kPatience)) {
                return run.fail("no answer in round {}", round);
            }
            run.expect(lock.held_by(self), "a wait comes back with the mutex held");
        }
    }
    run.expect(ball == 2 * kRounds, "every ball came back");
}

void test_join(ThreadContext& self, Run& run) {
    Semaphore go{"k-go", 0};
    bool ended = false;
    auto child = [&](ThreadContext& me) {
        static_cast<void>(go.wait(me, me.now() + kPatience));
        ended = true;
    };
    Threads threads{self, run};
    Thread& thread = threads.start("k-child", kUrgent, child);
    run.expect(!thread.join(self, self.now() + 5_ms), "join gives up at its deadline");
    go.signal(self);
    run.expect(thread.join(self, self.now() + kPatience) && ended, "join waits for the end");
    run.expect(thread.join(self, self.now()), "a second join returns at once");
}

void test_mutex(ThreadContext& self, Run& run) {
    Mutex lock{"k-lock"};
    Letters letters;
    Semaphore taken{"k-taken", 0};
    auto low = [&](ThreadContext& me) {
        MutexGuard guard{lock, me};
        taken.signal(me);
        run.board().spend(5_ms);
        letters.note(me, "l");
    };
    auto hog = [&](ThreadContext& me) {
        run.board().spend(5_ms);
        letters.note(me, "h");
    };
    Threads threads{self, run};
    Thread& owner = threads.start("k-owner", kLower, low);
    run.expect(taken.wait(self, self.now() + kPatience), "the owner takes it");
    threads.start("k-hog", kLow, hog);
    run.expect(!lock.try_lock(self), "a mutex has one owner");
    {
        MutexGuard guard{lock, self};
        run.expect(letters.text.view() == "l", "the owner ran with the waiter's priority");
        run.expect(owner.priority() == owner.base_priority(), "and gave it back with the mutex");
    }
    threads.join();
    run.expect(letters.text.view() == "lh", "then the thread in between");
    run.expect(lock.owner() == nullptr, "the mutex is free");
}

void test_cancel(ThreadContext& self, Run& run) {
    Mutex lock{"k-lock"};
    CondVar never{"k-never"};
    bool cleaned = false;
    struct Cleaner {
        bool& done;
        ~Cleaner() { done = true; }
    };
    auto victim = [&](ThreadContext& me) {
        me.accept_kill();
        const Cleaner cleaner{cleaned};
        {
            MutexGuard guard{lock, me};
            while (!me.should_end()) never.wait(me, lock, Instant::never());
        }
        me.sleep_for(kPatience * 2);  // no later wait lasts
    };
    auto deaf = [&](ThreadContext& me) { me.sleep_for(10_ms); };
    Threads threads{self, run};
    Thread& thread = threads.start("k-victim", kUrgent, victim);
    Thread& other = threads.start("k-deaf", kUrgent, deaf);
    run.expect(other.kill(self) == KillResult::deaf, "who does not listen is left alone");
    run.expect(thread.kill(self) == KillResult::asked, "who listens is asked");
    run.expect(thread.join(self, self.now() + kPatience), "its wait for ever ends");
    run.expect(cleaned, "what stood on its stack is destroyed");
    run.expect(lock.owner() == nullptr, "its mutex is free");
}

std::span<const Test> kernel_tests() {
    static constexpr std::array<Test, 18> kTests{{
        {"basic", "a thread starts, runs and ends", test_basic},
        {"timer", "timers fire in order and not too early", test_timer},
        {"delay", "a sleep is not too short", test_delay},
        {"cont-steps", "continuations: step after step on one stack", test_continuation_steps},
        {"cont-wake", "continuations: woken by interrupt and thread", test_continuation_wake},
        {"priorities", "threads: the most urgent first", test_thread_priorities},
        {"slices", "threads: equals share the processor", test_thread_slices},
        {"periodic", "threads: a round every period", test_thread_periodic},
        {"sem-priority", "semaphore: the most urgent waiter first", test_semaphore_priority},
        {"sem-fifo", "semaphore: the longest waiter first", test_semaphore_fifo},
        {"sem-timeout", "semaphore: try, timeout", test_semaphore_timeout},
        {"sem-irq", "semaphore: signalled by an interrupt", test_semaphore_interrupt},
        {"irq-off", "interrupts: held off, then taken", test_interrupts_off},
        {"irq-chars", "interrupts: a character queue", test_interrupt_characters},
        {"condition", "condition variable: a hundred handshakes", test_condition},
        {"join", "join: the end, the deadline, again", test_join},
        {"mutex", "mutex: one owner, priority inheritance", test_mutex},
        {"cancel", "kill ends a wait and cleans up", test_cancel},
    }};
    return kTests;
}

}  // namespace kyu::selftest
