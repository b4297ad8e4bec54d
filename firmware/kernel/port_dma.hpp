// Memory that a device also reads or writes.
//
// Rules     Only the two hand-over functions of a driver (give to the device, take from the device)
//           call these: no other place needs to know that caches exist.
// Context   any. None of them blocks.
#pragma once

#include <cstddef>

namespace kyu::port {

/// Writes cached bytes of the range back to memory, so that the device reads what the program
/// wrote. Any alignment; whole cache lines are written.
void dma_clean(const void* start, std::size_t bytes);

/// Drops cached bytes of the range, so that the program reads what the device wrote. The range
/// must be whole cache lines (64 bytes) that belong to nothing else: CHECKed.
void dma_invalidate(void* start, std::size_t bytes);

/// Everything written before is in memory before anything written after (DSB): stands between
/// filling a descriptor and ringing the doorbell.
void barrier_before_device();

/// Nothing read after is older than what was read before: stands between seeing that the device
/// has given a descriptor back and reading what it points to.
void barrier_after_device();

}  // namespace kyu::port
