// The DMA descriptor: what processor and EMAC tell each other about one buffer.
//
// Source    h3.md §4. Four little-endian words; chain mode, so the spacing is free: each takes a
//           whole cache line and two of them never share one.
// Ownership word 0 bit 31: set, the device's; clear, ours. Whoever gives it away touches no word of
//           it until it comes back.
// Memory    not cached on the board (section .dma).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "drivers/mmio.hpp"

namespace kyu::emac {

inline constexpr std::size_t kCacheLine = 64;

/// No initialisers: it lives in memory that the start-up code leaves alone; the rings fill it.
struct alignas(kCacheLine) Descriptor {
    std::uint32_t status;
    std::uint32_t control;
    std::uint32_t buffer;  ///< bus address
    std::uint32_t next;    ///< bus address of the next descriptor; the last points to the first
};
static_assert(sizeof(Descriptor) == kCacheLine);

struct Status {
    using Own = Field<31, 31>;
};

struct RxStatus : Status {
    using FilterFailed = Field<30, 30>;
    using Length = Field<29, 16>;  ///< bytes, with the 4 of the FCS
    using ErrorSummary = Field<15, 15>;
    using BufferTooSmall = Field<14, 14>;
    using SourceFilterFailed = Field<13, 13>;
    using Overflow = Field<11, 11>;
    using First = Field<9, 9>;
    using Last = Field<8, 8>;
    using HeaderChecksum = Field<7, 7>;
    using LateCollision = Field<6, 6>;
    using Watchdog = Field<4, 4>;
    using PhyError = Field<3, 3>;
    using CrcError = Field<1, 1>;
    using PayloadChecksum = Field<0, 0>;
    /// Any of these: the frame is damaged or not for us.
    static constexpr std::uint32_t kErrors =
        FilterFailed::mask | ErrorSummary::mask | BufferTooSmall::mask | SourceFilterFailed::mask |
        Overflow::mask | HeaderChecksum::mask | LateCollision::mask | Watchdog::mask |
        PhyError::mask | CrcError::mask | PayloadChecksum::mask;
    static constexpr std::uint32_t kWhole = First::mask | Last::mask;
};
static_assert(RxStatus::kErrors == 0x4000E8DBU, "U-Boot's mask 0x400068DB and the error summary");

struct RxControl {
    using Chained = Field<24, 24>;
    using BufferBytes = Field<10, 0>;
};

struct TxStatus : Status {
    using ErrorSummary = Field<15, 15>;
};

struct TxControl {
    using Interrupt = Field<31, 31>;
    using Last = Field<30, 30>;
    using First = Field<29, 29>;
    using Checksum = Field<28, 27>;
    using Chained = Field<24, 24>;
    using BufferBytes = Field<10, 0>;
    static constexpr std::uint32_t kChecksumNone = 0;
    /// IP header, and TCP, UDP or ICMP with the pseudo-header.
    static constexpr std::uint32_t kChecksumFull = 3;
};

/// The buffer size in a receive descriptor: 2048 would be 0 in the 11-bit field (h3.md §0 fact 2),
/// and a frame plus FCS must always fit (fact 1).
inline constexpr std::uint32_t kRxBufferBytes = 2044;
inline constexpr std::uint32_t kFcsBytes = 4;
inline constexpr std::uint32_t kEthernetHeaderBytes = 14;
inline constexpr std::uint32_t kMtuBytes = 1500;
/// Longest frame we send, without FCS.
inline constexpr std::uint32_t kMaxFrameBytes = kEthernetHeaderBytes + kMtuBytes;
/// Shortest frame on an Ethernet, without FCS (IEEE 802.3 §4.2.3.3).
inline constexpr std::uint32_t kMinFrameBytes = 60;
static_assert(kRxBufferBytes >= kMaxFrameBytes + kFcsBytes);
static_assert(kRxBufferBytes <= RxControl::BufferBytes::max);
static_assert(kMaxFrameBytes <= 2048, "QEMU wedges on longer chains (h3.md §7)");

/// Bytes of zero that fill short frames: nothing of ours leaks into the padding.
struct alignas(kCacheLine) Padding {
    std::array<std::byte, kCacheLine> bytes;
};
static_assert(sizeof(Padding) >= kMinFrameBytes);

/// All memory that the device reads and writes by itself, apart from the frames.
template <std::size_t TxSlots, std::size_t RxSlots>
struct DmaArea {
    std::array<Descriptor, TxSlots> tx;
    std::array<Descriptor, RxSlots> rx;
    Padding padding;
};

}  // namespace kyu::emac
