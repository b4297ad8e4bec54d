// Cores 1 to 3 of the H3: how one is let go, and where it then begins.
//
// Rules     A core that was never let go is held in reset, or powered off, by whatever ran before
//           us. There is no way back here: a core that runs is parked, not reset.
// Context   a thread; each takes as long as `wait_us`.
// Source    Allwinner H3 user manual, CPUCFG and PRCM; the order is known from the board. QEMU
//           starts a core on any non-zero write to its reset register and ignores the rest.
#pragma once

#include <cstdint>

#include "drivers/mmio.hpp"

namespace kyu::board {

inline constexpr unsigned kCores = 4;

inline constexpr std::uint32_t kCoreStride = 0x40;  ///< CPUCFG: one block a core, the first at 0x40

struct CoreReset {
    static constexpr std::uint32_t offset = 0x40;
    static constexpr std::uint32_t kHeld = 0;
    static constexpr std::uint32_t kReleased = 3;  ///< the core and its debug part
};
struct CoreGeneralControl {
    static constexpr std::uint32_t offset = 0x184;  ///< bit n: core n invalidates its L1 at reset
};
struct CoreEntry {
    static constexpr std::uint32_t offset = 0x1A4;  ///< where the boot ROM sends a released core
};
/// PRCM: bit n keeps the power gate of core n closed.
struct CorePowerOff {
    static constexpr std::uint32_t offset = 0x100;
};

/// Lets core `core` (1 to 3) begin at `entry`, MMU and caches off.
template <Io I, typename WaitUs>
void release_core(const I& cpucfg, const I& prcm, unsigned core, std::uint32_t entry,
                  WaitUs&& wait_us) {
    const std::uint32_t reset = CoreReset::offset + kCoreStride * core;
    const std::uint32_t bit = 1U << core;
    cpucfg.write(CoreEntry::offset, entry);
    cpucfg.write(reset, CoreReset::kHeld);
    cpucfg.write(CoreGeneralControl::offset, cpucfg.read(CoreGeneralControl::offset) & ~bit);
    prcm.write(CorePowerOff::offset, prcm.read(CorePowerOff::offset) & ~bit);
    wait_us(2000);
    cpucfg.write(reset, CoreReset::kReleased);
}

}  // namespace kyu::board
