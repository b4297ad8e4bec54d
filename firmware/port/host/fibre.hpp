// Fibres: flows of control with their own stacks, switched by hand.
//
// Context   one host thread. Nothing here knows of kernels or time.
// Rules     a port::Context is words[0] = stack pointer; words 1..3 are what AddressSanitizer needs
//           to follow the switch: its fake stack, the lowest byte and the size of the real one.
#pragma once

#include <span>

#include "kernel/port.hpp"

namespace kyu::host {

void fibre_init(port::Context& context, std::span<std::byte> stack, void (*entry)(void*),
                void* argument);
/// Saves the caller in `from`, goes on in `to`.
void fibre_switch(port::Context& from, port::Context& to);
/// Goes on in `to`; the caller's fibre will never run again.
[[noreturn]] void fibre_leave(port::Context& to);
/// Says that what lies in `stack` are no longer live frames.
void fibre_forget(std::span<std::byte> stack);
/// Walks the frames of a fibre that is not running: where it stopped.
struct FibreFrame {
    std::uintptr_t pc;
    std::uintptr_t fp;
    std::uintptr_t sp;
};
[[nodiscard]] FibreFrame fibre_frame(const port::Context& context);

}  // namespace kyu::host
