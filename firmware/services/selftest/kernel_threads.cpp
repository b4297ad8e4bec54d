// The menu k, first half: threads, time, continuations.
//
// Context   the shell's thread (services/selftest/selftest.hpp).
#include <array>

#include "kernel/continuation.hpp"
#include "kernel/kernel.hpp"
#include "kernel/periodic.hpp"
#include "kernel/semaphore.hpp"
#include "kernel/timer.hpp"
#include "services/selftest/kernel_tests.hpp"

namespace kyu::selftest {
namespace {

using namespace time_literals;

// What several threads write down, in the order of events. Interrupts are off as it grows.
struct Diary {
    TextBuffer<64> text;
    void note(ThreadContext& self, std::string_view word) {
        const IrqsOff off{self};
        text.put(word);
    }
    void note(IrqContext& irq, std::string_view word) {
        const IrqsOff off{irq};
        text.put(word);
    }
};

// A timer that notes its letter, and tells when it has fired.
struct Bell {
    Diary& diary;
    Semaphore& rung;
    const char* letter;
    Instant at{};
    static void ring(IrqContext& irq, void* me) {
        auto& bell = *static_cast<Bell*>(me);
        bell.at = port::now();
        bell.diary.note(irq, bell.letter);
        bell.rung.signal(irq);
    }
};

}  // namespace

void test_basic(ThreadContext& self, Run& run) {
    const unsigned before = self.kernel().thread_count();
    unsigned sum = 0;
    auto add = [&](ThreadContext& me) {
        run.expect(&me.thread() != &self.thread(), "the thread is not the shell");
        sum += 42;
    };
    {
        Threads threads{self, run};
        Thread& one = threads.start("k-basic", kUrgent, add);
        run.expect(sum == 42, "a more urgent thread has run when start() returns");
        run.expect(one.state() == ThreadState::finished, "its return from the entry ends it");
        threads.start("k-basic-2", kLow, add);
        run.expect(sum == 42, "a less urgent one waits for its turn");
    }
    run.expect(sum == 84, "each thread ran once");
    run.expect(self.kernel().thread_count() == before, "no thread is left");
}

void test_timer(ThreadContext& self, Run& run) {
    Diary diary;
    Semaphore rung{"k-timer", 0};
    Bell first{diary, rung, "a"};
    Bell second{diary, rung, "b"};
    Bell never{diary, rung, "x"};
    Timer timer_a{&Bell::ring, &first};
    Timer timer_b{&Bell::ring, &second};
    Timer timer_x{&Bell::ring, &never};
    const Instant now = self.now();
    timer_b.arm(self, now + 20_ms);
    timer_x.arm(self, now + 15_ms);
    timer_a.arm(self, now + 10_ms);
    run.expect(timer_x.cancel(self), "an armed timer can be cancelled");
    for (int i = 0; i < 2; ++i) {
        run.expect(rung.wait(self, self.now() + kPatience), "the timer fires");
    }
    run.expect(first.at >= now + 10_ms && second.at >= now + 20_ms, "not before its time");
    run.expect(diary.text.view() == "ab", "by deadline, and the cancelled one not at all");
    run.expect(!timer_a.armed() && !timer_b.armed(), "once");
}

void test_delay(ThreadContext& self, Run& run) {
    const Instant start = self.now();
    for (int i = 1; i <= 5; ++i) {
        self.sleep_for(10_ms);
        run.expect(self.now() >= start + Duration::from_ms(10 * i), "no sleep is too short");
    }
    const std::uint32_t before = self.thread().switches();
    self.sleep_until(start);
    run.expect(self.thread().switches() - before <= 2, "a past deadline does not sleep");
}

namespace {

struct Story {
    Diary diary;
    Semaphore over{"k-story", 0};
    static Story& of(void* it) { return *static_cast<Story*>(it); }
};

void last_step(ThreadContext& self, Continuation&, void* it) {
    Story::of(it).diary.note(self, "3");
    Story::of(it).over.signal(self);
}
void middle_step(ThreadContext& self, Continuation& me, void* it) {
    Story::of(it).diary.note(self, "2");
    me.after(5_ms, last_step);
}
void first_step(ThreadContext& self, Continuation& me, void* it) {
    Story::of(it).diary.note(self, "1");
    me.then(middle_step);
}
void count_wakes(ThreadContext& self, Continuation& me, void* it) {
    Story::of(it).diary.note(self, "w");
    Story::of(it).over.signal(self);
    me.when_woken(count_wakes);
}

}  // namespace

void test_continuation_steps(ThreadContext& self, Run& run) {
    Story story;
    Continuation flow{"k-flow", &story};
    Continuations runner{"k-steps"};
    auto steps = [&](ThreadContext& me) { runner.run(me); };
    Threads threads{self, run};
    Thread& worker = threads.start("k-steps", kLow, steps);
    flow.start(self, runner, first_step);
    run.expect(story.over.wait(self, self.now() + kPatience), "the last step comes");
    run.expect(story.diary.text.view() == "123", "each step goes on with the one it named");
    worker.kill(self);
    threads.join();
    run.expect(flow.done(), "a flow without a next step has ended");
}

void test_continuation_wake(ThreadContext& self, Run& run) {
    Story one;
    Story two;
    Continuation first{"k-flow-1", &one};
    Continuation second{"k-flow-2", &two};
    Timer alarm{[](IrqContext& irq, void* it) { static_cast<Continuation*>(it)->wake(irq); },
                &first};
    Continuations runner{"k-steps"};
    auto steps = [&](ThreadContext& me) { runner.run(me); };
    Threads threads{self, run};
    Thread& worker = threads.start("k-steps", kLow, steps);
    first.start(self, runner, count_wakes);
    second.start(self, runner, count_wakes);
    const Instant give_up = self.now() + kPatience;
    run.expect(one.over.wait(self, give_up) && two.over.wait(self, give_up), "both flows start");
    alarm.arm(self, self.now() + 5_ms);
    run.expect(one.over.wait(self, give_up), "an interrupt wakes one flow");
    run.expect(two.diary.text.view() == "w", "and not the other on the same stack");
    second.wake(self);
    run.expect(two.over.wait(self, give_up), "a thread wakes the other");
    worker.kill(self);
}

void test_thread_priorities(ThreadContext& self, Run& run) {
    Diary diary;
    auto urgent = [&](ThreadContext& me) { diary.note(me, "u"); };
    auto low = [&](ThreadContext& me) { diary.note(me, "l"); };
    auto lower = [&](ThreadContext& me) { diary.note(me, "L"); };
    Threads threads{self, run};
    threads.start("k-lower", kLower, lower);
    threads.start("k-low", kLow, low);
    threads.start("k-urgent", kUrgent, urgent);
    run.expect(diary.text.view() == "u", "only the more urgent one runs at once");
    threads.join();
    run.expect(diary.text.view() == "ulL", "then the others, by their priorities");
}

void test_thread_slices(ThreadContext& self, Run& run) {
    volatile bool stop = false;
    volatile unsigned rounds[2] = {0, 0};
    auto busy = [&](volatile unsigned& count) {
        const Instant give_up = port::now() + kPatience;
        while (!stop && port::now() < give_up) {
            run.board().spend(1_ms);
            count = count + 1;
        }
    };
    auto one = [&](ThreadContext&) { busy(rounds[0]); };
    auto two = [&](ThreadContext&) { busy(rounds[1]); };
    Threads threads{self, run};
    threads.start("k-busy-1", kLow, one);
    threads.start("k-busy-2", kLow, two);
    const Instant give_up = self.now() + kPatience;
    while ((rounds[0] < 3 || rounds[1] < 3) && self.now() < give_up) self.sleep_for(5_ms);
    stop = true;
    run.expect(rounds[0] >= 3 && rounds[1] >= 3, "two busy equals both get on without yielding");
}

void test_thread_periodic(ThreadContext& self, Run& run) {
    struct Beats {
        Instant start;
        Semaphore beat{"k-beat", 0};
        unsigned count{0};
        bool early{false};
    } beats{self.now()};
    PeriodicThread ticker{"k-ticker",
                          Priority{kLow},
                          run.bench().spare_stack(),
                          10_ms,
                          [](ThreadContext& me, void* it) {
                              auto& b = *static_cast<Beats*>(it);
                              if (me.now() < b.start + Duration::from_ms(10) * b.count) {
                                  b.early = true;
                              }
                              ++b.count;
                              b.beat.signal(me);
                          },
                          &beats};
    ticker.start(self);
    const Instant give_up = self.now() + kPatience;
    for (int i = 0; i < 5; ++i) {
        run.expect(beats.beat.wait(self, give_up), "a round comes every period");
    }
    while (!ticker.stop(self, self.now() + kPatience)) {
        run.fail("the periodic thread does not stop");
    }
    run.expect(!beats.early, "no round comes before its time");
    run.expect(ticker.rounds() >= 5, "rounds are counted");
}

}  // namespace kyu::selftest
