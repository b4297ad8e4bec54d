// The H3's watchdog: resets the whole system when nobody feeds it.
//
// Context   any; each call is a register write or two.
// Rules     QEMU 7.2 does not model it: its registers swallow writes and nothing happens. Newer
//           ones do.
// Source    Allwinner H3 user manual, Timer, watchdog 0.
#pragma once

#include <array>
#include <cstdint>

#include "drivers/mmio.hpp"

namespace kyu::watchdog {

struct Control {
    static constexpr std::uint32_t offset = 0x10;
    using Restart = Field<0, 0>;
    using Key = Field<12, 1>;
    static constexpr std::uint32_t kKey = 0xA57;
};
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

inline constexpr unsigned kLongestS = 16;

/// The code of the shortest period that is not below `seconds`, 1 to kLongestS.
constexpr std::uint32_t period_code(unsigned seconds) {
    constexpr std::array<std::uint8_t, 12> kSeconds{0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16};
    for (std::uint32_t code = 1; code < kSeconds.size(); ++code) {
        if (kSeconds[code] >= seconds) return code;
    }
    return kSeconds.size() - 1;
}
static_assert(period_code(1) == 1 && period_code(7) == 7 && period_code(16) == 11);

template <Io I>
void feed(I& io) {
    io.write(Control::offset, Control::Key::of(Control::kKey) | Control::Restart::of(1));
}

/// Resets the whole system `seconds` after the last feed() from now on.
template <Io I>
void start(I& io, unsigned seconds) {
    io.write(Config::offset, Config::Action::of(Config::kWholeSystem));
    io.write(Mode::offset, Mode::Enable::of(1) | Mode::Period::of(period_code(seconds)));
    feed(io);
}

template <Io I>
void stop(I& io) {
    io.write(Mode::offset, 0);
}

/// Resets the whole system in half a second, unless this board has no watchdog.
template <Io I>
void restart_system(I& io) {
    io.write(Config::offset, Config::Action::of(Config::kWholeSystem));
    io.write(Mode::offset, Mode::Enable::of(1) | Mode::Period::of(Mode::kHalfSecond));
}

}  // namespace kyu::watchdog
