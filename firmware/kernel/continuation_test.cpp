#include "kernel/continuation.hpp"

#include <string>

#include "port/host/test_machine.hpp"

namespace kyu {
namespace continuation_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

constexpr Instant at_ms(std::int64_t n) { return Instant::from_us(n * 1000); }

// What a flow writes down: its letter and the step.
struct Diary {
    std::string* text;
    char letter;
    void note(char step) const { *text += std::string{letter, step, ' '}; }
    static Diary& of(void* argument) { return *static_cast<Diary*>(argument); }
};

void third(ThreadContext&, Continuation&, void* diary) { Diary::of(diary).note('3'); }
void second(ThreadContext&, Continuation& me, void* diary) {
    Diary::of(diary).note('2');
    me.then(third);
}
void first(ThreadContext&, Continuation& me, void* diary) {
    Diary::of(diary).note('1');
    me.then(second);
}
void first_of_late(ThreadContext&, Continuation& me, void* diary) {
    Diary::of(diary).note('1');
    me.after(10_ms, third);
}
void listen(ThreadContext&, Continuation& me, void* diary) {
    Diary::of(diary).note('w');
    me.when_woken(listen);
}

struct Bench {
    std::string text;
    Diary diary_a{&text, 'a'};
    Diary diary_b{&text, 'b'};
    Continuation a{"a", &diary_a};
    Continuation b{"b", &diary_b};
    Continuations runner{"steps"};
    TestMachine machine;
    Thread* worker{nullptr};

    explicit Bench(unsigned worker_priority = 10) {
        worker = &machine.thread("worker", worker_priority,
                                 [this](ThreadContext& self) { runner.run(self); });
    }
    void run(const TestMachine::Body& body) {
        machine.thread("test", 15, [&, body](ThreadContext& self) {
            body(self);
            worker->kill(self);
        });
        EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    }
};

TEST(Continuations, each_step_goes_on_with_the_one_it_names_and_flows_take_turns) {
    Bench bench{20};
    bench.run([&](ThreadContext& self) {
        bench.a.start(self, bench.runner, first);
        bench.b.start(self, bench.runner, first);
        self.sleep_for(1_ms);
    });
    EXPECT_EQ(bench.text, "a1 b1 a2 b2 a3 b3 ");
    EXPECT_TRUE(bench.a.done());
}

TEST(Continuations, a_flow_that_pauses_leaves_the_stack_to_the_others) {
    Bench bench;
    bench.run([&](ThreadContext& self) {
        bench.a.start(self, bench.runner, first_of_late);
        bench.b.start(self, bench.runner, first);
        self.sleep_until(at_ms(9));
        EXPECT_EQ(bench.text, "a1 b1 b2 b3 ");
        EXPECT_FALSE(bench.a.done());
        self.sleep_until(at_ms(11));
    });
    EXPECT_EQ(bench.text, "a1 b1 b2 b3 a3 ");
}

TEST(Continuations, an_interrupt_wakes_a_flow_once_for_each_time_it_waits) {
    Bench bench;
    for (const int ms : {5, 7}) {
        bench.machine.machine().at(at_ms(ms), [&](IrqContext& irq) { bench.a.wake(irq); });
    }
    bench.run([&](ThreadContext& self) {
        bench.a.start(self, bench.runner, listen);
        self.sleep_until(at_ms(6));
        EXPECT_EQ(bench.text, "aw aw ");
        self.sleep_until(at_ms(20));
    });
    EXPECT_EQ(bench.text, "aw aw aw ");
}

TEST(Continuations, a_wake_up_before_the_wait_is_not_lost) {
    Bench bench{20};
    bench.run([&](ThreadContext& self) {
        bench.a.start(self, bench.runner, listen);
        bench.a.wake(self);
        bench.a.wake(self);
        self.sleep_for(1_ms);
    });
    EXPECT_EQ(bench.text, "aw aw ") << "kept, one of them";
}

TEST(Continuations, a_flow_that_has_ended_may_be_started_again) {
    Bench bench;
    bench.run([&](ThreadContext& self) {
        for (int i = 0; i < 2; ++i) {
            bench.a.start(self, bench.runner, first);
            self.sleep_for(1_ms);
        }
    });
    EXPECT_EQ(bench.text, "a1 a2 a3 a1 a2 a3 ");
}

}  // namespace continuation_test
}  // namespace kyu
