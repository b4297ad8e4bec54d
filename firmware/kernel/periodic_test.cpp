#include "kernel/periodic.hpp"

#include <vector>

#include "port/host/test_machine.hpp"

namespace kyu {
namespace periodic_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

struct Rounds {
    host::Machine* machine{nullptr};
    std::vector<std::int64_t> began;
    std::vector<Duration> lasts;  // round by round; then nothing

    static void round(ThreadContext& self, void* me) {
        auto& rounds = *static_cast<Rounds*>(me);
        const std::size_t n = rounds.began.size();
        rounds.began.push_back(self.now().ms());
        if (n < rounds.lasts.size()) rounds.machine->spend(rounds.lasts[n]);
    }
};

struct Bench {
    Rounds rounds;
    ThreadStack<8192> stack;
    PeriodicThread ticker{"ticker", Priority{10}, stack, 10_ms, &Rounds::round, &rounds};
    TestMachine machine;  // last: it is switched off before the thread dies

    std::vector<std::int64_t> run_until(Instant end) {
        rounds.machine = &machine.machine();
        machine.thread("parent", 5, [this, end](ThreadContext& self) {
            ticker.start(self);
            self.sleep_until(end);
            EXPECT_TRUE(ticker.stop(self, Instant::never()));
        });
        EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
        return rounds.began;
    }
};

TEST(PeriodicThread, work_that_takes_time_does_not_move_the_rounds) {
    Bench bench;
    bench.rounds.lasts = {3_ms, 7_ms, 9_ms, 1_ms};
    EXPECT_EQ(bench.run_until(Instant::from_us(45'000)),
              (std::vector<std::int64_t>{0, 10, 20, 30, 40}));
    EXPECT_EQ(bench.ticker.rounds(), 5U);
    EXPECT_EQ(bench.ticker.overruns(), 0U);
}

TEST(PeriodicThread, rounds_that_cannot_begin_in_time_are_left_out_and_counted) {
    Bench bench;
    bench.rounds.lasts = {25_ms};
    EXPECT_EQ(bench.run_until(Instant::from_us(45'000)), (std::vector<std::int64_t>{0, 30, 40}));
    EXPECT_EQ(bench.ticker.overruns(), 2U);
}

TEST(PeriodicThread, a_round_that_ends_as_the_next_is_due_is_no_overrun) {
    Bench bench;
    bench.rounds.lasts = {10_ms};
    EXPECT_EQ(bench.run_until(Instant::from_us(25'000)), (std::vector<std::int64_t>{0, 10, 20}));
    EXPECT_EQ(bench.ticker.overruns(), 0U);
}

}  // namespace periodic_test
}  // namespace kyu
