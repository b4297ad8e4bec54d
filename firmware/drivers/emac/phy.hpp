// Phy: the internal 10/100 transceiver, over the EMAC's MII port.
//
// Source    IEEE 802.3 clause 22 and 28 (registers 0, 1, 4, 5); quirks of QEMU in h3.md §5.
// Rules     Nothing waits for a cable: start() writes, poll() goes one step further each time. A
//           PHY that does not answer leaves the link down; it never stops the boot.
// Time      one MII access takes about 26 us on the wire and gives up after kMiiPatience.
// Context   threads. Lock: the network lock.
#pragma once

#include <cstdint>
#include <optional>

#include "drivers/emac/dma.hpp"
#include "drivers/emac/regs.hpp"

namespace kyu::emac {

/// What both ends have agreed on.
struct LinkMode {
    bool fast{true};  ///< 100 Mbit/s, else 10
    bool full_duplex{true};
    friend constexpr bool operator==(LinkMode, LinkMode) = default;
};

namespace mii {
inline constexpr std::uint32_t kControl = 0;
inline constexpr std::uint32_t kStatus = 1;
inline constexpr std::uint32_t kAdvertise = 4;
inline constexpr std::uint32_t kPartner = 5;
using ControlReset = Field<15, 15>;
using ControlAutoneg = Field<12, 12>;
using ControlRestart = Field<9, 9>;
using StatusComplete = Field<5, 5>;
using StatusLink = Field<2, 2>;
/// 100 full, 100 half, 10 full, 10 half, selector 802.3: all the PHY can do, without pause.
inline constexpr std::uint16_t kAbilities = 0x01E1;
using Can100Full = Field<8, 8>;
using Can100Half = Field<7, 7>;
using Can10Full = Field<6, 6>;
}  // namespace mii

/// The best mode in both sets of abilities (IEEE 802.3 §28.2.3.3, annex 28B.3); 10 half when there
/// is nothing in common, as after parallel detection of a mute partner.
constexpr LinkMode resolve(std::uint32_t ours, std::uint32_t partners) {
    const std::uint32_t common = ours & partners;
    if ((common & mii::Can100Full::mask) != 0) return {true, true};
    if ((common & mii::Can100Half::mask) != 0) return {true, false};
    if ((common & mii::Can10Full::mask) != 0) return {false, true};
    return {false, false};
}
static_assert(resolve(0x01E1, 0x0DE0) == LinkMode{true, true}, "QEMU's partner has no selector");
static_assert(resolve(0x01E1, 0x0061) == LinkMode{false, true});
static_assert(resolve(0x01E1, 0x0000) == LinkMode{false, false});

inline constexpr Duration kMiiPatience = Duration::from_ms(1);
inline constexpr Duration kPhyResetPatience = Duration::from_ms(500);  // IEEE 802.3 §22.2.4.1.1

template <Io I, ClockSource C>
class Phy {
    enum class State : std::uint8_t { off, resetting, negotiating, up };
    I& io_;
    C& clock_;
    std::uint8_t address_;
    State state_{State::off};
    Instant since_{};
    LinkMode mode_{};

    /// The port is idle. False: it stayed busy.
    [[nodiscard]] bool command(std::uint32_t reg, std::uint32_t write) {
        io_.write(MiiCmd::offset, MiiCmd::ClockDivider::of(MiiCmd::kDivideBy128) |
                                      MiiCmd::PhyAddress::of(address_) | MiiCmd::Register::of(reg) |
                                      MiiCmd::Write::of(write) | MiiCmd::Busy::of(1));
        return idle();
    }
    [[nodiscard]] bool idle() {
        if ((io_.read(MiiCmd::offset) & MiiCmd::Busy::mask) == 0) return true;
        const Instant deadline = clock_.now() + kMiiPatience;
        while ((io_.read(MiiCmd::offset) & MiiCmd::Busy::mask) != 0) {
            if (clock_.now() > deadline) return false;
        }
        return true;
    }
    [[nodiscard]] std::optional<std::uint16_t> read(std::uint32_t reg) {
        // QEMU leaves the old value when nobody answers (h3.md §5); a pulled-up bus reads ones.
        if (!idle()) return std::nullopt;
        io_.write(MiiData::offset, 0xFFFF);
        if (!command(reg, 0)) return std::nullopt;
        const std::uint32_t value = MiiData::Value::in(io_.read(MiiData::offset));
        if (value == 0xFFFF) return std::nullopt;
        return static_cast<std::uint16_t>(value);
    }
    void write(std::uint32_t reg, std::uint16_t value) {
        if (!idle()) return;
        io_.write(MiiData::offset, value);
        static_cast<void>(command(reg, 1));  // a lost write shows at the next poll
    }

    void step_reset() {
        const auto control = read(mii::kControl);
        if (control && (*control & mii::ControlReset::mask) == 0) {
            write(mii::kAdvertise, mii::kAbilities);
            write(mii::kControl, static_cast<std::uint16_t>(mii::ControlAutoneg::mask |
                                                            mii::ControlRestart::mask));
            state_ = State::negotiating;
        } else if (clock_.now() - since_ > kPhyResetPatience) {
            start();
        }
    }
    void step_negotiation() {
        const auto status = read(mii::kStatus);
        if (!status || (*status & mii::StatusLink::mask) == 0) return;
        if ((*status & mii::StatusComplete::mask) == 0) return;
        const auto ours = read(mii::kAdvertise);
        const auto partners = read(mii::kPartner);
        if (!ours || !partners) return;
        mode_ = resolve(*ours, *partners);
        state_ = State::up;
    }
    void watch_link() {
        // The bit remembers a loss until it is read: even a short one means new negotiation.
        const auto status = read(mii::kStatus);
        if (!status || (*status & mii::StatusLink::mask) == 0) state_ = State::negotiating;
    }

public:
    Phy(I& io, C& clock, std::uint8_t address) : io_(io), clock_(clock), address_(address) {}

    /// Resets the PHY; poll() does the rest.
    void start() {
        write(mii::kControl, mii::ControlReset::mask);
        state_ = State::resetting;
        since_ = clock_.now();
    }
    /// One step. True: the link went up or down.
    bool poll() {
        const bool was_up = up();
        switch (state_) {
            case State::off: break;
            case State::resetting: step_reset(); break;
            case State::negotiating: step_negotiation(); break;
            case State::up: watch_link(); break;
        }
        return up() != was_up;
    }
    [[nodiscard]] bool up() const { return state_ == State::up; }
    /// Speed and duplex; meaningful while up().
    [[nodiscard]] LinkMode mode() const { return mode_; }
};

}  // namespace kyu::emac
