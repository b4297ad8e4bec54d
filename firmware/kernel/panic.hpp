// Panic: the program, or the architecture for it, says that it cannot go on.
//
// Context   any, interrupts and half-built state included. Never returns: the crash record goes out
//           by polling, then port::halt(). No lock is taken, nothing is allocated.
// Rules     A panic while a panic is being reported prints both reasons and stops.
//           base/check.hpp's check_failed() is implemented here.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/check.hpp"
#include "base/text.hpp"
#include "kernel/crash_state.hpp"

namespace kyu {

[[nodiscard]] const char* to_text(PanicKind kind);

/// Stops the board with the formatted reason (base/text.hpp); cut after kCrashReasonMax bytes.
/// `where`: the interrupted code that is to blame; nullptr: the caller itself.
[[noreturn]] void panic_format(PanicKind kind, const Registers* where, std::string_view format,
                               std::span<const TextArg> args);

template <typename... Args>
[[noreturn, gnu::always_inline]] inline void panic(PanicKind kind, std::string_view format,
                                                   const Args&... args) {
    const std::array<TextArg, sizeof...(Args) + 1> packed{TextArg(args)..., TextArg(false)};
    panic_format(kind, nullptr, format, std::span<const TextArg>(packed).first(sizeof...(Args)));
}

/// The same about the code that was interrupted at `where`.
template <typename... Args>
[[noreturn, gnu::always_inline]] inline void panic_at(const Registers& where, PanicKind kind,
                                                      std::string_view format,
                                                      const Args&... args) {
    const std::array<TextArg, sizeof...(Args) + 1> packed{TextArg(args)..., TextArg(false)};
    panic_format(kind, &where, format, std::span<const TextArg>(packed).first(sizeof...(Args)));
}

/// The program asks for it: kind panic.
[[noreturn]] void panic(const char* reason);

/// The processor trapped. Interrupts off; on any stack.
[[noreturn]] void panic_fault(const FaultRecord& record);

}  // namespace kyu
