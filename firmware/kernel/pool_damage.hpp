// What a damaged pool looks like in words: the reason of a panic, and lines of the crash record.
//
// Context   any; nothing is changed. base/pool_guard.hpp's pool_damaged() is implemented here.
#pragma once

#include "base/pool_guard.hpp"
#include "base/text.hpp"

namespace kyu {

/// `pool NAME, object N: what happened, where, what was found; who took it, who freed it`. The most
/// telling things first: a reason may be cut.
void print_damage(TextSink& sink, const PoolDamage& damage);

}  // namespace kyu
