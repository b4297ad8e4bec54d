// What each planted failure does, once its transfer is half sent.
//
// Context   threads: act_in_transfer() the one that serves the transfer, act_as_helper() an urgent
//           one that was woken by it.
#pragma once

#include "services/defects/defects.hpp"
#include "services/defects/props.hpp"

namespace kyu::defects {

/// False: `kind` is none of these (it is about the stream, or not for this board).
bool act_in_transfer(ThreadContext& self, Kind kind, Props& props, const BoardTricks& tricks);
void act_as_helper(ThreadContext& self, Kind kind, Props& props, const BoardTricks& tricks);

}  // namespace kyu::defects
