// The edges of a function: what its first and last instructions do to the stack.
//
// Why       Unwind tables describe a function between its prologue and its epilogue, and are only
//           promised at calls. A fault, an interrupt or a guard page stops anywhere.
// Rules     Reads instructions only through Memory, a bounded number of them. Understands what
//           instructions.hpp does, in A32 and in T32; what it does not it leaves to the tables.
//           Exact: straight-line code from the function's start to where the frame pointer is set,
//           and from where the frame is taken down to the return. A frame that is only built on
//           one path is not understood: the compiler is told to write none (-fno-shrink-wrap).
#pragma once

#include <cstdint>

#include "arch/armv7a/ehabi.hpp"

namespace kyu::ehabi {

enum class Edge : std::uint8_t {
    undone,      ///< `frame` is the caller's now
    none,        ///< the pc is in the body: the tables hold
    before_fp,   ///< the tables hold but for the frame pointer, which still is the caller's
    unreadable,  ///< the stack or the code refused
};

/// `frame` stopped at its pc (bit 0: in Thumb code), before that instruction ran, in the function
/// that begins at `function`: undoes what of the frame is there, when the pc is at an edge.
[[nodiscard]] Edge undo_edge(Frame& frame, std::uint32_t function, const Memory& memory);

}  // namespace kyu::ehabi
