// StoppedNet: the stack of a board on which nothing runs.
//
// Rules     read-only, and only while every thread of the board stands still: between two steps of
//           a simulated world. On the board there is no such moment, and nobody includes this.
#pragma once

#include "net/net.hpp"

namespace kyu::net {

class StoppedNet {
public:
    [[nodiscard]] static const LockedNet& of(const Net& net) { return net.locked_; }
};

}  // namespace kyu::net
