// A board that has no bug stands every load under which a planted one shows.
#include "apps/simserver/two_boards_test_support.hpp"

namespace kyu::app {
namespace clean_board_test {

using namespace test;  // NOLINT(google-build-using-namespace)

TEST(CleanBoard, stands_all_loads) {
    for (const auto load :
         {fetch_big_often, fetch_big_thrice_at_once, fetch_odd_pieces, come_and_go}) {
        TwoBoards two{MissionBug::none};
        EXPECT_EQ(load(two), WorldStop::asked) << two.board.machine().crash().text;
        EXPECT_EQ(two.fetched.wrong + two.fetched.broken, 0U);
        EXPECT_EQ(two.counters(two.board)["sockets_failed"], 0U);
        EXPECT_EQ(two.counters(two.board)["senders_asleep_on_empty"], 0U);
    }
}

}  // namespace clean_board_test
}  // namespace kyu::app
