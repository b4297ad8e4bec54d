// CrashState: what a panic needs to remember; lives in the Kernel, so that a panic with hardly any
// stack left needs none for it.
//
// Context   written by the panic path only, interrupts off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/text.hpp"
#include "kernel/port.hpp"

namespace kyu {

/// How the board knew (docs/console.md).
enum class PanicKind : std::uint8_t { panic, fault, deadlock, check, hang };

/// What the architecture knows of an exception.
struct FaultRecord {
    const char* type{""};  ///< one word: data-abort, prefetch-abort, undefined, …
    Registers registers{};
    std::uintptr_t address{};  ///< DFAR or IFAR
    std::uintptr_t status{};   ///< DFSR or IFSR
};

inline constexpr std::size_t kCrashFramesMax = 32;
inline constexpr std::size_t kCrashReasonMax = 240;

/// So far below its stack an address is one that a thread reached by outgrowing it.
inline constexpr std::uintptr_t kStackReach =
    port::kStackGuardBytes > 0 ? port::kStackGuardBytes : port::kPageBytes;

struct CrashState {
    unsigned depth{0};  ///< 0: no panic; 2: a panic while reporting one
    PanicKind kind{PanicKind::panic};
    TextBuffer<kCrashReasonMax> reason;
    Registers registers{};
    bool exact{false};  ///< registers.pc() is where it happened, not behind a call
    bool is_fault{false};
    FaultRecord fault{};
    std::array<std::uintptr_t, kCrashFramesMax> frames{};
    std::array<std::uintptr_t, kCrashFramesMax> other_frames{};
    std::array<std::uintptr_t, kCrashFramesMax> shown_frames{};  ///< the last printed ones
};

}  // namespace kyu
