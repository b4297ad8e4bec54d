// The H3's watchdog: here only what a restart needs.
//
// Context   any. QEMU 7.2 does not model it: its registers swallow writes and nothing happens.
// Source    Allwinner H3 user manual, Timer, watchdog 0.
#pragma once

#include <cstdint>

#include "drivers/mmio.hpp"

namespace kyu::watchdog {

struct Config {
    static constexpr std::uint32_t offset = 0x14;
    using Action = Field<1, 0>;
    static constexpr std::uint32_t kWholeSystem = 1;
};
struct Mode {
    static constexpr std::uint32_t offset = 0x18;
    using Enable = Field<0, 0>;
    using Period = Field<7, 4>;
    static constexpr std::uint32_t kHalfSecond = 0;
};

/// Resets the whole system in half a second, unless this board has no watchdog.
template <Io I>
void restart_system(I& io) {
    io.write(Config::offset, Config::Action::of(Config::kWholeSystem));
    io.write(Mode::offset, Mode::Enable::of(1) | Mode::Period::of(Mode::kHalfSecond));
}

}  // namespace kyu::watchdog
