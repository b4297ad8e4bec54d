// The generic timer: the board's clock and its one alarm.
//
// Rules     The virtual timer, because it has the same interrupt number in both worlds. The
//           frequency is read (24 MHz on the board, 62.5 MHz in QEMU), never assumed; a boot loader
//           that left it zero is the one exception. Time starts at zero when the driver starts.
// Context   now() anywhere; the rest with interrupts off.
// Source    ARM ARM DDI 0406C, chapter B8.
#pragma once

#include <concepts>
#include <cstdint>

#include "base/time.hpp"
#include "drivers/mmio.hpp"
#include "drivers/timer/tick_rate.hpp"

namespace kyu {

/// The system registers of a generic timer.
template <typename T>
concept TimerRegisters = requires(T t, std::uint64_t ticks, std::uint32_t control) {
    { t.frequency() } -> std::same_as<std::uint32_t>;
    { t.count() } -> std::same_as<std::uint64_t>;
    t.set_compare(ticks);
    t.set_control(control);
};

struct TimerControl {
    using Enable = Field<0, 0>;
    using Masked = Field<1, 1>;
};

/// What the board's crystal gives when CNTFRQ was never written.
inline constexpr std::uint32_t kCrystalHz = 24'000'000;

template <TimerRegisters R>
class GenericTimer {
    R registers_;
    std::uint32_t hz_;
    TickRate rate_;
    std::uint64_t began_;

    static std::uint32_t frequency_of(R& registers) {
        const std::uint32_t hz = registers.frequency();
        return hz == 0 ? kCrystalHz : hz;
    }

public:
    explicit GenericTimer(R registers)
        : registers_(registers),
          hz_(frequency_of(registers_)),
          rate_(hz_),
          began_(registers_.count()) {
        disarm();
    }

    /// Microseconds since the driver started.
    [[nodiscard]] Instant now() {
        const std::uint64_t ticks = registers_.count() - began_;
        return Instant::from_us(static_cast<std::int64_t>(rate_.microseconds(ticks)));
    }

    /// One interrupt at `when`, never early; at once when it has passed. Instant::never(): none.
    void set_alarm(Instant when) {
        if (when == Instant::never()) return disarm();
        const auto us = static_cast<std::uint64_t>(when.us() > 0 ? when.us() : 0);
        registers_.set_compare(began_ + rate_.ticks(us));
        registers_.set_control(TimerControl::Enable::of(1));
    }

    /// Takes the interrupt's line down: first thing in its handler.
    void disarm() { registers_.set_control(TimerControl::Masked::of(1)); }

    [[nodiscard]] std::uint32_t hz() const { return hz_; }
};

}  // namespace kyu
