// Clocks, resets and pins of the devices that we use.
//
// Rules     Written for a board on which a boot loader may have done all, half or nothing of it;
//           everything that is not named is left as it was. QEMU stores or drops these writes.
// Context   boot, before the driver of the device.
// Source    Allwinner H3 user manual: CCU, System Control, PIO; the PHY's crystal select is known
//           from the board (without bit 18 auto-negotiation fails).
#pragma once

#include <cstdint>

#include "drivers/mmio.hpp"

namespace kyu::board {

/// UART0's source is the 24 MHz crystal.
inline constexpr std::uint32_t kUartClockHz = 24'000'000;

struct BusClockGate0 {
    static constexpr std::uint32_t offset = 0x60;
    using Emac = Field<17, 17>;
};
struct BusClockGate2 {
    static constexpr std::uint32_t offset = 0x68;
    using Pio = Field<5, 5>;
};
struct BusClockGate3 {
    static constexpr std::uint32_t offset = 0x6C;
    using Uart0 = Field<16, 16>;
};
struct BusClockGate4 {
    static constexpr std::uint32_t offset = 0x70;
    using Ephy = Field<0, 0>;
};
struct BusReset0 {
    static constexpr std::uint32_t offset = 0x2C0;
    using Emac = Field<17, 17>;
};
struct BusReset2 {
    static constexpr std::uint32_t offset = 0x2C8;
    using Ephy = Field<2, 2>;
};
struct BusReset4 {
    static constexpr std::uint32_t offset = 0x2D8;
    using Uart0 = Field<16, 16>;
};

/// Port A, pins 0..7: four bits of function each.
struct PortAConfig0 {
    static constexpr std::uint32_t offset = 0x00;
    using Pin4 = Field<18, 16>;
    using Pin5 = Field<22, 20>;
    static constexpr std::uint32_t kUart0 = 2;
};

/// System control: how the MAC reaches its PHY.
struct EmacClock {
    static constexpr std::uint32_t offset = 0x30;
    using PhyAddress = Field<24, 20>;
    using Crystal24MHz = Field<18, 18>;
    using LedActiveLow = Field<17, 17>;
    using PhyPowerDown = Field<16, 16>;
    using InternalPhy = Field<15, 15>;
    using Rmii = Field<13, 13>;
    using Rgmii = Field<2, 2>;
    using ClockSource = Field<1, 0>;  ///< 0: MII
};

/// The address that we give the internal PHY.
inline constexpr std::uint32_t kPhyAddress = 1;

template <Io I>
void set_bits(const I& io, std::uint32_t offset, std::uint32_t bits) {
    io.write(offset, io.read(offset) | bits);
}
template <Io I>
void clear_bits(const I& io, std::uint32_t offset, std::uint32_t bits) {
    io.write(offset, io.read(offset) & ~bits);
}

/// Clock, reset and pins PA4 (TX) and PA5 (RX) of the console.
template <Io I>
void enable_uart0(const I& ccu, const I& pio) {
    set_bits(ccu, BusClockGate2::offset, BusClockGate2::Pio::mask);
    const std::uint32_t pins =
        pio.read(PortAConfig0::offset) & ~(PortAConfig0::Pin4::mask | PortAConfig0::Pin5::mask);
    pio.write(PortAConfig0::offset, pins | PortAConfig0::Pin4::of(PortAConfig0::kUart0) |
                                        PortAConfig0::Pin5::of(PortAConfig0::kUart0));
    set_bits(ccu, BusReset4::offset, BusReset4::Uart0::mask);
    set_bits(ccu, BusClockGate3::offset, BusClockGate3::Uart0::mask);
}

/// Clocks and resets of the EMAC and its internal PHY, and the path between them. The MAC needs a
/// soft reset afterwards. `wait_us(n)` waits at least n microseconds.
template <Io I, typename WaitUs>
void enable_emac(const I& ccu, const I& system, WaitUs&& wait_us) {
    // A boot loader may have left the PHY half set up: hold it in reset once.
    clear_bits(ccu, BusReset2::offset, BusReset2::Ephy::mask);
    set_bits(ccu, BusClockGate4::offset, BusClockGate4::Ephy::mask);
    set_bits(ccu, BusClockGate0::offset, BusClockGate0::Emac::mask);

    std::uint32_t path = system.read(EmacClock::offset);
    path &=
        ~(EmacClock::PhyAddress::mask | EmacClock::PhyPowerDown::mask | EmacClock::Rmii::mask |
          EmacClock::Rgmii::mask | EmacClock::ClockSource::mask | EmacClock::LedActiveLow::mask);
    path |= EmacClock::PhyAddress::of(kPhyAddress) | EmacClock::Crystal24MHz::of(1) |
            EmacClock::InternalPhy::of(1);
    system.write(EmacClock::offset, path);

    wait_us(1000);
    set_bits(ccu, BusReset2::offset, BusReset2::Ephy::mask);
    set_bits(ccu, BusReset0::offset, BusReset0::Emac::mask);
    wait_us(1000);
}

}  // namespace kyu::board
