// Each way to choose finds races that the board's own order hides; what it found replays exactly
// and shrinks to what matters.
#include "port/host/schedule.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "kernel/condvar.hpp"
#include "kernel/mutex.hpp"
#include "port/host/test_machine.hpp"

namespace kyu::host {
namespace schedule_test {

/// How a toy program ended: `wrong` is its bug.
struct Ending {
    bool wrong{false};
    std::uint32_t choices{0};
    std::vector<unsigned> order;  ///< who did a step, one after the other
    std::vector<Deviation> recorded;
};

/// The reader tests the flag before it takes the lock: news in between wake nobody.
Ending lost_wakeup(Choices choices) {
    Ending end;
    Mutex mutex{"flag"};
    CondVar changed{"flag"};
    bool flag = false;
    TestMachine machine;
    machine.machine().explore(&choices);
    machine.thread("reader", 5, [&](ThreadContext& self) {
        for (unsigned i = 0; i < 10; ++i) self.yield();
        end.order.push_back(1);
        if (flag) return;
        mutex.lock(self);
        static_cast<void>(changed.wait(self, mutex, Instant::never()));
        mutex.unlock(self);
    });
    machine.thread("writer", 10, [&](ThreadContext& self) {
        for (unsigned i = 0; i < 2; ++i) self.yield();
        end.order.push_back(2);
        mutex.lock(self);
        flag = true;
        changed.signal(self);
        mutex.unlock(self);
    });
    end.wrong = machine.run() == Stop::deadline;
    end.choices = choices.count();
    end.recorded = choices.recorded();
    return end;
}

/// Two sellers, one seat: each looks whether it is free before it sells it.
Ending check_then_act(Choices choices) {
    Ending end;
    unsigned sold = 0;
    TestMachine machine;
    machine.machine().explore(&choices);
    for (unsigned seller = 1; seller <= 2; ++seller) {
        machine.thread("seller", 5 + seller, [&end, &sold, seller](ThreadContext& self) {
            for (unsigned i = 0; i < 5; ++i) self.yield();
            end.order.push_back(seller);
            if (sold > 0) return;
            port::scheduling_point();
            end.order.push_back(seller);
            ++sold;
        });
    }
    EXPECT_EQ(machine.run(), Stop::asked);
    end.wrong = sold > 1;
    end.choices = choices.count();
    end.recorded = choices.recorded();
    return end;
}

using Program = Ending (*)(Choices);
constexpr std::array<Program, 2> kPrograms{lost_wakeup, check_then_act};
constexpr ChoiceRates kOrderOnly{.time = 0, .spurious = 0};

Ending first_failure(Program program, const std::function<Choices(std::uint64_t)>& make) {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        Ending end = program(make(seed));
        if (end.wrong) return end;
    }
    ADD_FAILURE() << "500 seeds found nothing";
    return {};
}

Choices random_order(std::uint64_t seed) { return Choices::random(seed, kOrderOnly); }
Choices pct_order(std::uint64_t seed) { return Choices::pct(seed, 2, 40, kOrderOnly); }

TEST(Choices, the_boards_own_order_hides_both_races) {
    for (const Program program : kPrograms) {
        const Ending end = program(Choices::replay({}));
        EXPECT_FALSE(end.wrong);
        EXPECT_TRUE(end.recorded.empty());
        EXPECT_GT(end.choices, 0U);
    }
}

TEST(Choices, without_departures_the_order_is_that_of_an_unexplored_machine) {
    std::vector<unsigned> order;
    TestMachine machine;
    const auto body = [&order](unsigned who) {
        return [&order, who](ThreadContext& self) {
            for (unsigned i = 0; i < 3; ++i) {
                order.push_back(who);
                self.sleep_for(Duration::from_us(who * 7));
            }
        };
    };
    machine.thread("slow", 9, body(3));
    machine.thread("mid", 6, body(2));
    machine.thread("fast", 3, body(1));
    EXPECT_EQ(machine.run(), Stop::asked);
    const std::vector<unsigned> plain = order;
    order.clear();

    Choices choices = Choices::replay({});
    TestMachine explored;
    explored.machine().explore(&choices);
    explored.thread("slow", 9, body(3));
    explored.thread("mid", 6, body(2));
    explored.thread("fast", 3, body(1));
    EXPECT_EQ(explored.run(), Stop::asked);
    EXPECT_EQ(order, plain);
}

TEST(Choices, random_finds_both_races) {
    for (const Program program : kPrograms) EXPECT_TRUE(first_failure(program, random_order).wrong);
}

TEST(Choices, pct_finds_both_races_at_depth_two) {
    for (const Program program : kPrograms) EXPECT_TRUE(first_failure(program, pct_order).wrong);
}

TEST(Choices, round_robin_finds_both_races) {
    const auto make = [](std::uint64_t seed) {
        return Choices::round_robin(static_cast<std::uint32_t>(seed));
    };
    for (const Program program : kPrograms) EXPECT_TRUE(first_failure(program, make).wrong);
}

TEST(Choices, what_was_recorded_replays_exactly) {
    for (const Program program : kPrograms) {
        for (const auto& make : {random_order, pct_order}) {
            const Ending found = first_failure(program, make);
            const auto read_back = parse_deviations(to_text(found.recorded));
            ASSERT_TRUE(read_back.has_value());
            const Ending again = program(Choices::replay(*read_back));
            EXPECT_TRUE(again.wrong);
            EXPECT_EQ(again.order, found.order);
            EXPECT_EQ(again.recorded, found.recorded);
            EXPECT_EQ(again.choices, found.choices);
        }
    }
}

TEST(Choices, a_failure_shrinks_to_the_few_preemptions_that_it_needs) {
    for (const Program program : kPrograms) {
        const Ending found = first_failure(program, random_order);
        const auto fails = [program](const std::vector<Deviation>& some) {
            return program(Choices::replay(some)).wrong;
        };
        const auto fewer = shrink(found.recorded, fails);
        EXPECT_TRUE(fails(fewer));
        EXPECT_LE(fewer.size(), 3U) << to_text(fewer);
        EXPECT_LE(fewer.size(), found.recorded.size());
        EXPECT_EQ(shrink(found.recorded, fails), fewer) << "deterministic";
        for (std::size_t i = 0; i < fewer.size(); ++i) {
            auto without = fewer;
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
            EXPECT_FALSE(fails(without)) << "each that is left is needed";
        }
    }
}

TEST(Choices, a_wait_may_come_back_unwoken) {
    Choices choices =
        Choices::random(1, {.point = 0, .turn = 0, .preempt = 0, .time = 0, .spurious = 1});
    Mutex mutex{"m"};
    CondVar never{"never"};
    TestMachine machine;
    machine.machine().explore(&choices);
    machine.thread("waiter", 5, [&](ThreadContext& self) {
        mutex.lock(self);
        EXPECT_TRUE(never.wait(self, mutex, Instant::never()));
        EXPECT_TRUE(mutex.held_by(self));
        mutex.unlock(self);
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    ASSERT_EQ(choices.recorded().size(), 1U);
    EXPECT_EQ(choices.recorded()[0].kind, ChoiceKind::spurious);
}

TEST(Choices, a_scheduling_point_may_take_time) {
    Choices choices = Choices::replay({{0, ChoiceKind::time, 30}});
    TestMachine machine;
    machine.machine().explore(&choices);
    machine.thread("busy", 5, [](ThreadContext&) { port::scheduling_point(); });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(machine.now(), Instant::from_us(3000));
}

TEST(Choices, a_marked_point_is_a_scheduling_point_for_who_explores) {
    Choices choices = Choices::replay({{1, ChoiceKind::time, 30}, {2, ChoiceKind::point, 1}});
    std::vector<unsigned> order;
    TestMachine machine;
    machine.machine().explore(&choices);
    machine.thread("first", 5, [&](ThreadContext&) {
        port::marked_point();
        order.push_back(1);
    });
    machine.thread("second", 6, [&](ThreadContext&) { order.push_back(2); });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(machine.now(), Instant::from_us(3000));
    EXPECT_EQ(order, (std::vector<unsigned>{2, 1}));
}

TEST(Choices, a_marked_point_is_nothing_while_nobody_explores) {
    unsigned asked = 0;
    TestMachine machine{{.step = Duration::from_us(10)}};
    machine.machine().on_scheduling_point([&asked](Machine&) { ++asked; });
    machine.thread("busy", 5, [&asked](ThreadContext& self) {
        const Instant before = self.now();
        const unsigned asked_before = asked;
        port::marked_point();
        EXPECT_EQ(self.now(), before);
        EXPECT_EQ(asked, asked_before);
        const IrqsOff off{self};
        port::marked_point();
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    port::marked_point();  // outside of any machine too
}

TEST(Choices, who_passes_a_marked_point_without_a_lock_is_noted) {
    Choices choices = Choices::replay({});
    Mutex mutex{"data"};
    TestMachine machine;
    machine.machine().explore(&choices);
    std::vector<unsigned> ids;
    machine.thread("lawful", 5, [&](ThreadContext& self) {
        mutex.lock(self);
        port::marked_point();
        mutex.unlock(self);
    });
    machine.thread("careless", 6, [&](ThreadContext& self) {
        ids.push_back(self.thread().id());
        port::marked_point();
    });
    EXPECT_EQ(machine.run(), Stop::asked);
    std::vector<unsigned> noted;
    const auto& events = machine.kernel().events();
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (std::string_view{events.oldest(i).what} == "unlocked") {
            noted.push_back(events.oldest(i).a);
        }
    }
    EXPECT_EQ(noted, ids);
}

TEST(Choices, a_replay_that_no_longer_fits_says_so) {
    Choices choices = Choices::replay({{0, ChoiceKind::allocation, 1}, {0, ChoiceKind::time, 1}});
    TestMachine machine;
    machine.machine().explore(&choices);
    machine.thread("busy", 5, [](ThreadContext&) { port::scheduling_point(); });
    EXPECT_EQ(machine.run(), Stop::asked);
    EXPECT_EQ(choices.diverged(), 1U);
}

TEST(Choices, text_that_is_no_list_of_choices_is_refused) {
    EXPECT_TRUE(parse_deviations("")->empty());
    EXPECT_EQ(to_text(*parse_deviations(" 3:s1  9:t30 ")), "3:s1 9:t30");
    for (const char* bad :
         {"3", "3:", "3:s", "3:x1", "s1", "3:s1,4:s1", "3:s99999", "-1:s1", "99999999999:s1"}) {
        EXPECT_FALSE(parse_deviations(bad).has_value()) << bad;
    }
}

}  // namespace schedule_test
}  // namespace kyu::host
