// DmaMemory: how a driver sees memory that a device shares.
//
// Rules     A driver takes one as a parameter: PortDma on the board, a model with a cache that is
//           not coherent in tests. Only give_to_device() and take_from_device() of the rings use
//           clean(), invalidate() and the barriers; nothing else in the driver knows of caches.
// Context   threads with the network lock held.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "drivers/emac/descriptor.hpp"

namespace kyu::emac {

template <typename T>
concept DmaMemory = requires(T dma, const void* from, void* to, std::size_t bytes,
                             const std::uint32_t& in, std::uint32_t& out, std::uint32_t value) {
    { dma.bus_address(from) } -> std::same_as<std::uint32_t>;  ///< what the device calls it
    dma.clean(from, bytes);     ///< cache to memory: the device will read
    dma.invalidate(to, bytes);  ///< forget cached lines: the device has written or will write
    dma.before_device();        ///< what was stored before is seen before what is stored after
    dma.after_device();         ///< what is read after is not older than what was read before
    { dma.load(in) } -> std::same_as<std::uint32_t>;  ///< one descriptor word, exactly once
    dma.store(out, value);                            ///< likewise
};

template <typename T>
concept ClockSource = requires(T clock) {
    { clock.now() } -> std::same_as<Instant>;
};

/// The first byte after `bytes`, up to a whole cache line.
constexpr std::size_t whole_lines(std::size_t bytes) {
    return (bytes + kCacheLine - 1) & ~(kCacheLine - 1);
}
static_assert(whole_lines(1) == 64 && whole_lines(64) == 64 && whole_lines(65) == 128);

}  // namespace kyu::emac
