// Where the devices of the H3 lie, and what of the address space may be touched at all.
//
// Context   any; constants.
// Source    Allwinner H3 user manual, memory mapping.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kyu::board {

inline constexpr std::uintptr_t kSystemControl = 0x01C0'0000;
inline constexpr std::uintptr_t kSid = 0x01C1'4000;
inline constexpr std::uintptr_t kCcu = 0x01C2'0000;
inline constexpr std::uintptr_t kPio = 0x01C2'0800;
inline constexpr std::uintptr_t kTimers = 0x01C2'0C00;
inline constexpr std::uintptr_t kWatchdog = 0x01C2'0CA0;
inline constexpr std::uintptr_t kThermal = 0x01C2'5000;
inline constexpr std::uintptr_t kUart0 = 0x01C2'8000;
inline constexpr std::uintptr_t kUart1 = 0x01C2'8400;
inline constexpr std::uintptr_t kTwi0 = 0x01C2'AC00;
inline constexpr std::uintptr_t kEmac = 0x01C3'0000;
inline constexpr std::uintptr_t kGicDistributor = 0x01C8'1000;
inline constexpr std::uintptr_t kGicCpuInterface = 0x01C8'2000;
inline constexpr std::uintptr_t kRtc = 0x01F0'0000;
inline constexpr std::uintptr_t kPrcm = 0x01F0'1400;
inline constexpr std::uintptr_t kCpuCfg = 0x01F0'1C00;
inline constexpr std::uintptr_t kPortL = 0x01F0'2C00;

inline constexpr std::uintptr_t kDram = 0x4000'0000;
inline constexpr std::uintptr_t kDramBytes = 1024UL * 1024 * 1024;

/// The page that holds the boot arguments; kyu.ld keeps the image away from it.
inline constexpr std::uintptr_t kBootArgs = 0x4000'2000;
inline constexpr std::size_t kBootArgsBytes = 4096;

/// What a crash said, for the next boot: far from the image, from where U-Boot loads things and
/// from where it moves itself, so that images and boot loaders leave it alone.
inline constexpr std::uintptr_t kKeptMemory = 0x4F00'0000;
inline constexpr std::size_t kKeptMemoryBytes = 1024UL * 1024;

struct DeviceRange {
    std::uintptr_t begin;
    std::uintptr_t end;
};

/// Whole MiB that hold device registers. SRAM and the boot ROM are left out: nothing here uses
/// them, and the first MiB must fault.
inline constexpr std::array<DeviceRange, 2> kDeviceRanges{{
    {0x01C0'0000, 0x01D0'0000},
    {0x01F0'0000, 0x0200'0000},
}};

/// Registers that may be looked at, word by word: reading them changes nothing. What is not here
/// either changes when it is read (a UART's receiver, the acknowledgement of an interrupt) or may
/// not answer at all, and a bus that does not answer is an abort.
inline constexpr std::array<DeviceRange, 11> kQuietDevices{{
    {kSystemControl, kSystemControl + 0x100},
    {kSid, kSid + 0x100},
    {kCcu, kCcu + 0x320},
    {kPio, kPio + 0x300},
    {kTimers, kTimers + 0xC0},
    {kThermal, kThermal + 0x100},
    {kEmac, kEmac + 0xD4},
    {kGicDistributor, kGicDistributor + 0xF00},
    {kRtc, kRtc + 0x200},
    {kPrcm, kPrcm + 0x200},
    {kCpuCfg, kCpuCfg + 0x200},
}};

}  // namespace kyu::board
