// BoardEmac: the driver with the board's bus, memory and clock.
//
// Rules     only the composition root includes this. Its DmaArea goes into section .dma:
//             [[gnu::section(".dma")]] kyu::emac::BoardEmac::Area emac_area;
// Context   as emac.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "drivers/emac/emac.hpp"
#include "drivers/mmio.hpp"
#include "kernel/port.hpp"
#include "kernel/port_dma.hpp"

namespace kyu::emac {

/// Memory as the H3 has it: the DMA sees physical addresses and no cache; the MMU maps one to one.
struct PortDma {
    [[nodiscard]] static std::uint32_t bus_address(const void* p) {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(p));
    }
    static void clean(const void* start, std::size_t bytes) { port::dma_clean(start, bytes); }
    static void invalidate(void* start, std::size_t bytes) { port::dma_invalidate(start, bytes); }
    static void before_device() { port::barrier_before_device(); }
    static void after_device() { port::barrier_after_device(); }
    [[nodiscard]] static std::uint32_t load(const std::uint32_t& word) {
        return *static_cast<const volatile std::uint32_t*>(&word);
    }
    static void store(std::uint32_t& word, std::uint32_t value) {
        *static_cast<volatile std::uint32_t*>(&word) = value;
    }
};

struct PortClock {
    [[nodiscard]] static Instant now() { return port::now(); }
};

using BoardEmac = Emac<MmioIo, PortDma, PortClock>;

}  // namespace kyu::emac
