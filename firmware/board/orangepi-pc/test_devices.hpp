// Registers that only the self tests touch.
//
// Source    Allwinner H3 user manual: CCU, PIO, THS, TWI, SID, Timer; 16550 for the UARTs; the
//           temperature's slope and offset as Linux's sun8i-thermal has them. QEMU models UART1,
//           SID, CCU and the timers, and answers for the others with zeros.
#pragma once

#include <cstdint>

#include "drivers/mmio.hpp"

namespace kyu::board {

// ---- PIO: four bits of function a pin, eight pins a word; one word of data a port --------------

struct PortData {
    static constexpr std::uint32_t offset = 0x10;
};
struct PortLConfig0 {
    static constexpr std::uint32_t offset = 0x00;
    using Pin3 = Field<14, 12>;
};
struct PortLConfig1 {
    static constexpr std::uint32_t offset = 0x04;
    using Pin10 = Field<10, 8>;
};
inline constexpr std::uint32_t kPinInput = 0;
inline constexpr std::uint32_t kPinOutput = 1;
inline constexpr unsigned kPowerKeyPin = 3;   ///< PL3, low while pressed
inline constexpr unsigned kGreenLedPin = 10;  ///< PL10, high is on

/// PRCM: port L belongs to the part of the chip that stays awake, and has a gate of its own.
struct PortLGate {
    static constexpr std::uint32_t offset = 0x28;
    using Enable = Field<0, 0>;
};

// ---- CCU ---------------------------------------------------------------------------------------

struct PllCpu {
    static constexpr std::uint32_t offset = 0x00;
    using Enable = Field<31, 31>;
    using Locked = Field<28, 28>;
    using DividerP = Field<17, 16>;  ///< divides by 2^p
    using FactorN = Field<12, 8>;
    using FactorK = Field<5, 4>;
    using FactorM = Field<1, 0>;
};
struct Gate2ForTests {
    static constexpr std::uint32_t offset = 0x68;
    using Thermal = Field<8, 8>;
};
struct Gate3ForTests {
    static constexpr std::uint32_t offset = 0x6C;
    using Twi0 = Field<0, 0>;
    using Uart1 = Field<17, 17>;
};
struct ThermalClock {
    static constexpr std::uint32_t offset = 0x74;
    using Enable = Field<31, 31>;
};
struct Reset3ForTests {
    static constexpr std::uint32_t offset = 0x2D0;
    using Thermal = Field<8, 8>;
};
struct Reset4ForTests {
    static constexpr std::uint32_t offset = 0x2D8;
    using Twi0 = Field<0, 0>;
    using Uart1 = Field<17, 17>;
};

// ---- Timer 1: a 24 MHz down counter ------------------------------------------------------------

struct Timer1Control {
    static constexpr std::uint32_t offset = 0x20;
    using Enable = Field<0, 0>;
    using Reload = Field<1, 1>;
    using Source = Field<3, 2>;  ///< 1: the 24 MHz crystal
};
struct Timer1Interval {
    static constexpr std::uint32_t offset = 0x24;
};
struct Timer1Current {
    static constexpr std::uint32_t offset = 0x28;
};
inline constexpr std::uint32_t kCrystalHz = 24'000'000;

// ---- Thermal sensor ----------------------------------------------------------------------------

struct ThermalControl0 {
    static constexpr std::uint32_t offset = 0x00;
    static constexpr std::uint32_t kAcquire = 0x1FF;
};
struct ThermalControl2 {
    static constexpr std::uint32_t offset = 0x40;
    using Acquire = Field<31, 16>;
    using Enable = Field<0, 0>;
};
struct ThermalFilter {
    static constexpr std::uint32_t offset = 0x70;
    static constexpr std::uint32_t kAverageOf4 = 0x5;
};
struct ThermalData {
    static constexpr std::uint32_t offset = 0x80;
};
/// Thousandths of a degree Celsius.
constexpr std::int32_t thermal_millidegrees(std::uint32_t data) {
    return 217'000 - static_cast<std::int32_t>(data * 1211 / 10);
}

// ---- UART (16550, registers four bytes apart) --------------------------------------------------

inline constexpr std::uint32_t kUartData = 0x00;
inline constexpr std::uint32_t kUartIrqEnable = 0x04;
inline constexpr std::uint32_t kUartFifo = 0x08;
inline constexpr std::uint32_t kUartLine = 0x0C;
inline constexpr std::uint32_t kUartModem = 0x10;
inline constexpr std::uint32_t kUartLineStatus = 0x14;
inline constexpr std::uint32_t kUartEightBits = 0x03;
inline constexpr std::uint32_t kUartDivisorAccess = 0x80;
inline constexpr std::uint32_t kUartLoop = 0x10;
inline constexpr std::uint32_t kUartReceived = 0x01;
inline constexpr std::uint32_t kUartEmpty = 0x40;

// ---- TWI (I2C) ---------------------------------------------------------------------------------

struct TwiStatus {
    static constexpr std::uint32_t offset = 0x10;
    static constexpr std::uint32_t kIdle = 0xF8;
};
struct TwiSoftReset {
    static constexpr std::uint32_t offset = 0x18;
    using Reset = Field<0, 0>;
};

// ---- SID (fuses) -------------------------------------------------------------------------------

struct SidControl {
    static constexpr std::uint32_t offset = 0x40;
    using Offset = Field<24, 16>;
    using OpLock = Field<15, 8>;
    using ReadStart = Field<1, 1>;
    static constexpr std::uint32_t kUnlock = 0xAC;
};
struct SidReadKey {
    static constexpr std::uint32_t offset = 0x60;
};
inline constexpr unsigned kSidKeyWords = 4;

}  // namespace kyu::board
