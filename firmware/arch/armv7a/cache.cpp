// kernel/port_dma.hpp on the Cortex-A7: cache lines by address, and barriers.
//
// Rules     Lines are 64 bytes at every level that holds data (Cortex-A7 TRM 6.3, 7.1); the L2 is
//           unified and obeys the same operations, so one walk reaches memory.
// Context   any. Interrupts may stay on: an operation on a line is atomic.
#include <cstdint>

#include "arch/armv7a/cp15.hpp"
#include "base/check.hpp"
#include "kernel/port_dma.hpp"

namespace kyu::port {
namespace {

constexpr std::uintptr_t kLineBytes = 64;

/// Every frame comes through here: eight lines a turn.
template <typename F>
[[gnu::always_inline]] inline void for_each_line(std::uintptr_t line, std::uintptr_t end, F f) {
    for (; line + 8 * kLineBytes <= end; line += 8 * kLineBytes) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; ++i) f(line + i * kLineBytes);
    }
    for (; line < end; line += kLineBytes) f(line);
}

}  // namespace

void dma_clean(const void* start, std::size_t bytes) {
    const auto first = reinterpret_cast<std::uintptr_t>(start) & ~(kLineBytes - 1);
    for_each_line(first, reinterpret_cast<std::uintptr_t>(start) + bytes, arch::clean_line);
    arch::dsb();
}

void dma_invalidate(void* start, std::size_t bytes) {
    const auto first = reinterpret_cast<std::uintptr_t>(start);
    CHECK(first % kLineBytes == 0 && bytes % kLineBytes == 0);
    for_each_line(first, first + bytes, arch::invalidate_line);
    arch::dsb();
}

void barrier_before_device() { arch::dsb(); }

void barrier_after_device() { arch::dmb(); }

}  // namespace kyu::port
