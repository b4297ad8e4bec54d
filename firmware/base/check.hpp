// CHECK: the impossible, checked in every build.
//
// Rules     A CHECK states what cannot happen unless the program is wrong. What a peer, a user or a
//           full pool can cause is not impossible: that is a Result (base/result.hpp).
// Context   any, interrupts included. A failed CHECK never returns.
#pragma once

namespace kyu {

/// Where a CHECK stands in the source.
struct SourceLine {
    const char* file;
    int line;
};

/// Stops the machine with a crash record. Supplied by the kernel on the board and on the host.
[[noreturn]] void check_failed(const char* expression, SourceLine where);

}  // namespace kyu

// The name without its folders: short in the image, and the same wherever the tree lies.
#if defined(__FILE_NAME__)
#define KYU_FILE_NAME __FILE_NAME__
#else
#define KYU_FILE_NAME __FILE__
#endif

#define CHECK(condition)          \
    (static_cast<bool>(condition) \
         ? static_cast<void>(0)   \
         : ::kyu::check_failed(#condition, ::kyu::SourceLine{KYU_FILE_NAME, __LINE__}))
