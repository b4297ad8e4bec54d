#include "kernel/inspect.hpp"

#include <array>
#include <string>

#include "kernel/kernel.hpp"
#include "kernel/semaphore.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace inspect_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

TEST(Inspect, a_waiting_thread_shows_where_it_stands_and_what_it_holds) {
    Mutex lock{"lock", HolderSleeps::may};
    Semaphore never{"never", 0};
    TestMachine machine;
    machine.daemon("holder", 5, [&](ThreadContext& self) {
        MutexGuard guard{lock, self};
        never.wait(self, Instant::never());
    });
    machine.thread("looker", 10, [&](ThreadContext& self) {
        ThreadDetail detail;
        EXPECT_TRUE(inspect_thread(self, "holder", detail));
        EXPECT_FALSE(detail.is_caller);
        EXPECT_EQ(detail.held_count, 1U);
        EXPECT_STREQ(detail.held[0], "lock");
        EXPECT_STREQ(detail.info.waits_name, "never");
        EXPECT_GT(detail.frame_count, 2U);
        EXPECT_GT(detail.sp, detail.stack_low);
        ThreadDetail by_id;
        EXPECT_TRUE(inspect_thread(self, std::to_string(detail.info.id), by_id));
        EXPECT_STREQ(by_id.info.name, "holder");
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(Inspect, the_caller_sees_itself_and_a_stranger_is_nobody) {
    TestMachine machine;
    machine.thread("looker", 10, [&](ThreadContext& self) {
        ThreadDetail detail;
        EXPECT_TRUE(inspect_thread(self, "looker", detail));
        EXPECT_TRUE(detail.is_caller);
        EXPECT_GT(detail.frame_count, 0U);
        for (const char* nobody : {"", "look", "99", "-1", "0x1"}) {
            EXPECT_FALSE(inspect_thread(self, nobody, detail)) << nobody;
        }
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

TEST(Inspect, the_sample_of_one_moment_adds_up_to_the_time_since_boot) {
    TestMachine machine;
    machine.thread("busy", 5, [&](ThreadContext&) { machine.machine().spend(7_ms); });
    machine.thread("looker", 10, [&](ThreadContext& self) {
        self.sleep_for(20_ms);
        machine.machine().spend(3_ms);
        std::array<ThreadSample, kThreadsMax> threads;
        const std::size_t count = sample_threads(self, threads);
        EXPECT_EQ(count, 2U) << "busy has ended";
        EXPECT_EQ(threads[0].cpu, 3_ms);
        EXPECT_STREQ(threads[1].name, "idle");
        EXPECT_EQ(threads[1].cpu, 20_ms);
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

}  // namespace inspect_test
}  // namespace kyu
