// The loads of the planted bugs, on a board that has none.
#include "net/planted/workload_test_support.hpp"

namespace kyu::net {
namespace clean_test {

using namespace test;  // NOLINT(google-build-using-namespace)

TEST(CleanBoard, stands_every_load_under_which_a_planted_bug_shows) {
    for (const Load& load : {kBusyLoad, kSlowLoad, kOddLoad, kManySmallLoad}) {
        const Seen seen = run_load(MissionBug::none, load);
        EXPECT_TRUE(seen.clean()) << host::to_text(seen.stop) << " " << seen.panic;
        EXPECT_EQ(seen.good, load.clients * load.transfers);
        EXPECT_EQ(seen.sockets.failed, 0U);
    }
}

TEST(MissionBug, every_name_is_one_of_nine) {
    EXPECT_EQ(kMissionBugNames.size(), 9U);
    for (const MissionBugName& row : kMissionBugNames) {
        EXPECT_EQ(mission_bug_named(row.name), row.bug);
        EXPECT_EQ(name_of(row.bug), row.name);
    }
    for (const char* text : {"", "none", "lost", "lost-wakeup ", "LOST-WAKEUP"}) {
        EXPECT_EQ(mission_bug_named(text), MissionBug::none) << text;
    }
}

TEST(PlantedBug, takes_no_room_in_a_clean_build) {
    EXPECT_EQ(std::is_empty_v<PlantedBug>, !kMissionBugs);
    EXPECT_EQ(PlantedBug{MissionBug::lost_wakeup}.is(MissionBug::lost_wakeup), kMissionBugs);
}

}  // namespace clean_test
}  // namespace kyu::net
