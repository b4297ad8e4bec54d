// BreakableIo: the UART's registers, with a transmitter that can be made to fail.
//
// Rules     only in images with planted failures; MmioIo in all others.
// Context   any.
#pragma once

#include "drivers/mmio.hpp"
#include "drivers/uart/uart.hpp"

namespace kyu::app {

class BreakableIo {
    MmioIo io_;
    static inline volatile bool broken_ = false;

public:
    constexpr explicit BreakableIo(MmioIo io) : io_(io) {}
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) const {
        const std::uint32_t value = io_.read(offset);
        const bool hides = broken_ && offset == uart::LineStatus::offset;
        return hides ? value & ~(uart::LineStatus::FifoEmpty::mask |
                                 uart::LineStatus::TransmitterIdle::mask)
                     : value;
    }
    void write(std::uint32_t offset, std::uint32_t value) const {
        if (!broken_ || offset != uart::kData) io_.write(offset, value);
    }
    void pause() const { io_.pause(); }
    /// From now on the shift register takes nothing: never empty, and no byte leaves.
    static void break_transmitter() { broken_ = true; }
};

}  // namespace kyu::app
