// What of the planted failures takes the board's own devices (services/defects/defects.hpp).
//
// Context   board_tricks() once at boot; the tricks from threads.
#pragma once

#include "apps/testserver/board_init.hpp"
#include "net/net.hpp"
#include "services/defects/defects.hpp"

namespace kyu::app {

#if defined(KYU_DEFECTS)
[[nodiscard]] defects::BoardTricks board_tricks(Board& board, net::Net& net);
#else
[[nodiscard]] inline defects::BoardTricks board_tricks(Board& /*board*/, net::Net& /*net*/) {
    return {};
}
#endif

}  // namespace kyu::app
