// Registers of the Allwinner sun8i EMAC, in the manual's order.
//
// Source    h3.md §3 (H3 manual, observed on the board and on QEMU). 32-bit accesses only.
// Rules     a register is a struct with `offset` and its Fields; nothing else knows bit numbers.
// Context   any.
#pragma once

#include <cstdint>

#include "drivers/mmio.hpp"

namespace kyu::emac {

struct BasicCtl0 {
    static constexpr std::uint32_t offset = 0x00;
    using Speed = Field<3, 2>;  ///< kSpeed10, kSpeed100
    using Loopback = Field<1, 1>;
    using FullDuplex = Field<0, 0>;
    static constexpr std::uint32_t kSpeed10 = 2;
    static constexpr std::uint32_t kSpeed100 = 3;
};

struct BasicCtl1 {
    static constexpr std::uint32_t offset = 0x04;
    using BurstLength = Field<29, 24>;
    using SoftReset = Field<0, 0>;  ///< clears itself when the reset is done
};

/// INT_STA (write one to clear) and INT_EN share their bits.
struct Interrupt {
    using RxOverflow = Field<12, 12>;
    using RxTimeout = Field<11, 11>;
    using RxDmaStopped = Field<10, 10>;
    using RxBufferUnavailable = Field<9, 9>;
    using RxDone = Field<8, 8>;
    using TxUnderflow = Field<4, 4>;
    using TxTimeout = Field<3, 3>;
    using TxBufferUnavailable = Field<2, 2>;
    using TxDmaStopped = Field<1, 1>;
    using TxDone = Field<0, 0>;

    /// Everything that sends the net thread to the receive ring.
    static constexpr std::uint32_t kReceive = RxOverflow::mask | RxTimeout::mask |
                                              RxDmaStopped::mask | RxBufferUnavailable::mask |
                                              RxDone::mask;
    /// The receive ring ran dry: the device waits to be started again.
    static constexpr std::uint32_t kReceiveStalled = RxBufferUnavailable::mask | RxDmaStopped::mask;
    static constexpr std::uint32_t kTransmitFaults =
        TxUnderflow::mask | TxTimeout::mask | TxDmaStopped::mask;
    static constexpr std::uint32_t kAll = ~0U;
};

struct IntSta : Interrupt {
    static constexpr std::uint32_t offset = 0x08;
};

struct IntEn : Interrupt {
    static constexpr std::uint32_t offset = 0x0C;
};

struct TxCtl0 {
    static constexpr std::uint32_t offset = 0x10;
    using Enable = Field<31, 31>;
};

struct TxCtl1 {
    static constexpr std::uint32_t offset = 0x14;
    using Start = Field<31, 31>;
    using Enable = Field<30, 30>;
    using NextFrame = Field<2, 2>;  ///< fetch the next frame while one is being sent
    using StoreAndForward = Field<1, 1>;
};

struct TxDescList {
    static constexpr std::uint32_t offset = 0x20;
};

struct RxCtl0 {
    static constexpr std::uint32_t offset = 0x24;
    using Enable = Field<31, 31>;
};

struct RxCtl1 {
    static constexpr std::uint32_t offset = 0x28;
    using Start = Field<31, 31>;
    using Enable = Field<30, 30>;
    using StoreAndForward = Field<1, 1>;
};

struct RxDescList {
    static constexpr std::uint32_t offset = 0x34;
};

struct FrameFilter {
    static constexpr std::uint32_t offset = 0x38;
    /// Our own address, what the hash lets through (nothing) and broadcast.
    static constexpr std::uint32_t kOwnAndBroadcast = 0;
    using AllMulticast = Field<16, 16>;
};

struct HashHigh {
    static constexpr std::uint32_t offset = 0x40;
};

struct HashLow {
    static constexpr std::uint32_t offset = 0x44;
};

struct MiiCmd {
    static constexpr std::uint32_t offset = 0x48;
    using ClockDivider = Field<22, 20>;
    using PhyAddress = Field<16, 12>;
    using Register = Field<8, 4>;
    using Write = Field<1, 1>;
    using Busy = Field<0, 0>;
    /// AHB (200 or 300 MHz) / 128: the only divider that keeps MDC within 2.5 MHz.
    static constexpr std::uint32_t kDivideBy128 = 3;
};

struct MiiData {
    static constexpr std::uint32_t offset = 0x4C;
    using Value = Field<15, 0>;
};

/// Bytes 5 and 4 of the station address.
struct MacHigh {
    static constexpr std::uint32_t offset = 0x50;
    using Byte5 = Field<15, 8>;
    using Byte4 = Field<7, 0>;
};

/// Bytes 3 to 0 of the station address.
struct MacLow {
    static constexpr std::uint32_t offset = 0x54;
    using Byte3 = Field<31, 24>;
    using Byte2 = Field<23, 16>;
    using Byte1 = Field<15, 8>;
    using Byte0 = Field<7, 0>;
};

struct RxDmaSta {
    static constexpr std::uint32_t offset = 0xC0;
    using State = Field<2, 0>;
    static constexpr std::uint32_t kStopped = 0;
};

}  // namespace kyu::emac
