// Cores 1 to 3: parked, and lent one small function at a time.
//
// The kernel runs on core 0 alone. Another core runs a function that gets one number and gives one
// back, and is parked again. It has no context to give to a kernel call, so what needs one
// (locks, queues, threads) cannot be called; what the types cannot forbid is left to this rule:
//
// Rules     A CoreFunction uses its argument, its stack (2 KiB) and device registers. It touches no
//           object of .data or .bss: MMU and caches are off on its core, and what core 0 wrote may
//           still be in a cache. For the same reason it does without atomics (LDREX needs a cache)
//           and unaligned accesses (all memory is strongly ordered without an MMU).
// Context   run_on_core() from one thread.
// Parked    A core sleeps in WFI with interrupts masked. Core 0 wakes it with a software interrupt,
//           which ends a WFI without being taken.
#pragma once

#include <cstdint>
#include <optional>

#include "arch/armv7a/core_slot.h"
#include "kernel/context.hpp"

namespace kyu::arch {

using CoreFunction = std::uint32_t (*)(std::uint32_t argument) noexcept;

enum class CoreState : std::uint32_t {
    never_seen = CORE_NEVER_SEEN,  ///< held in reset, as it came
    parked = CORE_PARKED,
    running = CORE_RUNNING,
    faulted = CORE_FAULTED,  ///< an exception: stopped until the board restarts
};

[[nodiscard]] CoreState core_state(unsigned core);

/// Lets core `core` (1 to 3) run `function(argument)` and waits for what it returns. Nothing: it
/// did not come back within `patience`, or it was not parked.
std::optional<std::uint32_t> run_on_core(ThreadContext& self, unsigned core, CoreFunction function,
                                         std::uint32_t argument, Duration patience);

}  // namespace kyu::arch
