// Each planted bug shows under its load, as what it is. Without them: clean_test.cpp.
//
// Rules     Only in builds with KYU_DEFECTS.
#include "net/planted/workload_test_support.hpp"

namespace kyu::net {
namespace planted_test {

using namespace test;  // NOLINT(google-build-using-namespace)
using host::Stop;

TEST(UnlockedSendbuf, panics_where_the_send_buffer_is_walked) {
    unsigned walked = 0;
    for (std::uint32_t seed = 1; seed <= 10; ++seed) {
        Load load = kBusyLoad;
        load.seed = seed;
        const Seen seen = run_load(MissionBug::unlocked_sendbuf, load);
        EXPECT_EQ(seen.stop, Stop::crashed) << "seed " << seed;
        // Mbuf::share is m_copym; the others are invariants that the same race breaks.
        if (seen.panic.find("count <= size_ - offset) mbuf.cpp") != std::string::npos) ++walked;
    }
    EXPECT_GE(walked, 5U);
}

TEST(CloseDeadlock, the_closing_thread_keeps_the_lock_that_its_news_needs) {
    const Seen seen = run_load(MissionBug::close_deadlock, {.limit = Duration::from_s(30)});
    EXPECT_EQ(seen.stop, Stop::crashed) << "the kernel sees it before anybody waits for the lock";
    EXPECT_NE(seen.panic.find("server sleeps in semaphore disconnect while it holds mutex net"),
              std::string::npos)
        << seen.panic;
}

TEST(LostWakeup, a_sender_sleeps_for_ever_on_an_empty_buffer) {
    unsigned found = 0;
    for (std::uint32_t seed = 1; seed <= 10; ++seed) {
        Load load = kSlowLoad;
        load.seed = seed;
        const Seen seen = run_load(MissionBug::lost_wakeup, load);
        if (seen.clean()) continue;
        EXPECT_EQ(seen.stop, Stop::deadline);
        EXPECT_EQ(seen.empty_sleepers, 1U);
        EXPECT_TRUE(seen.waiting("server: condition send"));
        EXPECT_FALSE(seen.waiting("net-b: mutex net")) << "the stack itself is alive";
        ++found;
    }
    EXPECT_GE(found, 9U) << "of 10 times 1000 transfers";
}

TEST(FreelistLost, sockets_run_out_while_few_are_in_use) {
    const Seen seen = run_load(MissionBug::freelist_lost, kManySmallLoad);
    EXPECT_GT(seen.sockets.failed, 0U);
    EXPECT_LT(seen.sockets.used, 10U);
}

TEST(TimewaitPool, sockets_run_out_because_time_wait_holds_them) {
    const Seen seen = run_load(MissionBug::timewait_pool, kManySmallLoad);
    EXPECT_GT(seen.sockets.failed, 0U);
    EXPECT_EQ(seen.sockets.used, seen.sockets.total);
    EXPECT_LT(seen.connections, 10U);
}

TEST(OddChecksum, the_peer_drops_what_the_wire_did_not_touch) {
    const Seen seen = run_load(MissionBug::odd_checksum, kOddLoad);
    EXPECT_GT(seen.bad_checksums, 0U);
    EXPECT_EQ(seen.panic, "");
}

}  // namespace planted_test
}  // namespace kyu::net
