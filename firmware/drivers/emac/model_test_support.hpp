// EmacModel: the device as the driver meets it, in two characters.
//
//   qemu     what QEMU's model does, quirks included (h3.md §0, §5, §7): memory is coherent, frames
//            go out inside the write to TX_CTL1, the backend stalls when no slot is free and goes
//            on at the head of the list after the next kick.
//   silicon  what hardware is allowed to do, always at the worst moment: descriptor words may
//            become visible in any order until a barrier, buffers are seen through a cache that is
//            not coherent and writes dirty lines back when it hurts, a soft reset takes its time,
//            the MII port is busy, sending ends when the test says so.
//
// What a driver must never do (memory that is not shared, a buffer that makes QEMU crash, a chain
// that is not whole) is noted in `faults`; every test ends by looking there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "drivers/emac/emac.hpp"
#include "drivers/emac/shared_memory_test_support.hpp"

namespace kyu::emac::test {

class EmacModel {
public:
    SharedMemory memory;
    std::deque<Bytes> sent;                ///< frames on the wire, in order
    std::vector<std::uint32_t> checksums;  ///< the mode asked for, one for each sent frame
    std::uint32_t receive_kicks{0};
    std::uint32_t transmit_kicks{0};
    std::uint32_t list_rewrites{0};
    std::uint32_t lost{0};  ///< frames for which silicon had no slot
    std::int64_t now_us{0};
    // Silicon's temper.
    bool transmit_held{false};              ///< sending takes for ever until released
    std::size_t transmit_budget{SIZE_MAX};  ///< frames that it sends before it is held
    bool receiver_never_stops{false};
    bool reset_never_ends{false};
    std::uint32_t receive_flaws{0};  ///< error bits for the next frame
    bool phy_absent{false};
    bool mii_stuck{false};
    bool link{true};
    std::uint16_t partner{0x0DE0};
    /// Called after each slot that the driver gives away: other things happen in between.
    std::function<void()> between;
    std::function<void()> before_stop;  ///< likewise, just before the receiver stops

    explicit EmacModel(Character character) : memory(character), character_(character) { reset(); }

    [[nodiscard]] bool silicon() const { return character_ == Character::silicon; }
    [[nodiscard]] bool interrupt_line() const { return line_; }
    [[nodiscard]] std::uint32_t reg(std::uint32_t offset) { return regs_[offset]; }
    void raise(std::uint32_t bits) {
        regs_[IntSta::offset] |= bits;
        update_line();
    }
    /// QEMU: frames that wait in the backend.
    [[nodiscard]] std::size_t backlog() const { return backlog_.size(); }

    /// A frame (without FCS) arrives from the wire.
    void deliver(Bytes frame) {
        if (silicon()) return receive_silicon(frame);
        backlog_.push_back(std::move(frame));
        pump();
    }
    /// Silicon: sends what is owned now.
    void release_transmitter(std::size_t frames = SIZE_MAX) {
        transmit_held = false;
        transmit_budget = frames;
        run_transmitter();
    }

    // ---- The driver's side ----

    std::uint32_t read(std::uint32_t offset) {
        if (offset == BasicCtl1::offset && reset_countdown_ > 0 && !reset_never_ends) {
            if (--reset_countdown_ == 0) regs_[offset] &= ~BasicCtl1::SoftReset::mask;
        }
        if (offset == MiiCmd::offset && silicon() && mii_busy_ > 0 && !mii_stuck) {
            if (--mii_busy_ == 0) {
                regs_[offset] &= ~MiiCmd::Busy::mask;
                run_mii();
            }
        }
        if (offset == RxDmaSta::offset) return receiver_state();
        return regs_[offset];
    }
    void write(std::uint32_t offset, std::uint32_t value) {
        switch (offset) {
            case BasicCtl1::offset: return write_basic_ctl1(value);
            case IntSta::offset: regs_[offset] &= ~value; return update_line();
            case IntEn::offset: regs_[offset] = value; return update_line();
            case TxCtl1::offset: return write_tx_ctl1(value);
            case RxCtl1::offset: return write_rx_ctl1(value);
            case TxDescList::offset: regs_[offset] = tx_current_ = value; return;
            case RxDescList::offset:
                if (silicon() && receiver_state() != RxDmaSta::kStopped) {
                    memory.faults.emplace_back("the receive list changes under a running DMA");
                }
                ++list_rewrites;
                regs_[offset] = rx_current_ = value;
                return;
            case MiiCmd::offset: return write_mii_cmd(value);
            default: regs_[offset] = value;
        }
    }

    std::uint32_t load(const std::uint32_t& word) {
        for (auto it = unordered_.rbegin(); it != unordered_.rend(); ++it) {
            if (it->first == &word) return it->second;
        }
        return word;
    }
    void store(std::uint32_t& word, std::uint32_t value) {
        const bool gives = (value & Status::Own::mask) != 0 && is_status(&word);
        if (!silicon() || (gives && !is_tail(&word))) {
            // The worst order: the word that gives a slot away is seen before all others.
            std::erase_if(unordered_, [&](const auto& late) { return late.first == &word; });
            word = value;
        } else {
            unordered_.emplace_back(&word, value);
        }
        if (!gives) return;
        if (silicon()) run_transmitter();
        if (between) between();
    }
    void barrier() {
        for (const auto& [word, value] : unordered_) *word = value;
        unordered_.clear();
    }

private:
    Character character_;
    std::map<std::uint32_t, std::uint32_t> regs_;
    bool line_{false};
    std::uint32_t tx_current_{0};
    std::uint32_t rx_current_{0};
    bool stalled_{false};  // QEMU: the backend waits for a kick
    bool rx_running_{false};
    bool transmitting_{false};
    std::deque<Bytes> backlog_;
    std::vector<std::pair<std::uint32_t*, std::uint32_t>> unordered_;
    unsigned reset_countdown_{0};
    unsigned mii_busy_{0};
    std::map<std::uint32_t, std::uint32_t> phy_;

    struct View {
        std::uint32_t* w;
        [[nodiscard]] bool owned() const { return (w[0] & Status::Own::mask) != 0; }
        [[nodiscard]] std::uint32_t bytes() const { return TxControl::BufferBytes::in(w[1]); }
    };
    std::optional<View> descriptor(std::uint32_t bus) {
        std::uint32_t* w = memory.word_at(bus);
        if (w == nullptr) return std::nullopt;
        return View{w};
    }
    static bool is_status(const std::uint32_t* word) {
        return reinterpret_cast<std::uintptr_t>(word) % kCacheLine == 0;
    }
    /// The last of several pieces: other writes overtake it.
    bool is_tail(const std::uint32_t* status) {
        const std::uint32_t control = load(status[1]);
        return (control & TxControl::Last::mask) != 0 && (control & TxControl::First::mask) == 0;
    }
    void update_line() { line_ = (regs_[IntSta::offset] & regs_[IntEn::offset]) != 0; }

    void reset() {
        for (std::uint32_t offset = 0; offset < 0x50; offset += 4) regs_[offset] = 0;
        regs_[BasicCtl1::offset] = 0x0800'0000;
        tx_current_ = rx_current_ = 0;
        stalled_ = rx_running_ = false;
        reset_phy();
        // The interrupt line stays as it was: nobody has looked at it yet.
    }
    void reset_phy() { phy_ = {{0, 0x3100}, {1, 0xFE28}, {2, 0x0044}, {3, 0x1400}, {4, 0}}; }
    void write_basic_ctl1(std::uint32_t value) {
        if ((value & BasicCtl1::SoftReset::mask) != 0) {
            reset();
            reset_countdown_ = silicon() ? 5 : 0;
            if (!silicon()) value &= ~BasicCtl1::SoftReset::mask;
        }
        regs_[BasicCtl1::offset] = value;
    }

    // ---- Sending ----

    void write_tx_ctl1(std::uint32_t value) {
        regs_[TxCtl1::offset] = value;
        if ((value & TxCtl1::Enable::mask) == 0) return;
        ++transmit_kicks;
        run_transmitter();
    }
    void run_transmitter() {
        const bool enabled = (regs_[TxCtl1::offset] & TxCtl1::Enable::mask) != 0;
        if (!enabled || transmit_held || transmitting_) return;
        transmitting_ = true;
        Bytes frame;
        bool any = false;
        auto d = descriptor(tx_current_);
        while (d && d->owned() && (transmit_budget != 0 || !frame.empty())) {
            const bool first = (d->w[1] & TxControl::First::mask) != 0;
            if (first != frame.empty()) memory.faults.emplace_back("a chain without its beginning");
            const Bytes part = memory.device_read(d->w[2], d->bytes());
            frame.insert(frame.end(), part.begin(), part.end());
            if (frame.size() > 2048)
                memory.faults.emplace_back("QEMU wedges: more than 2048 bytes");
            if (d->bytes() == 0) memory.faults.emplace_back("an empty piece");
            d->w[0] &= ~Status::Own::mask;
            if ((d->w[1] & TxControl::Last::mask) != 0) {
                sent.push_back(std::exchange(frame, {}));
                checksums.push_back(TxControl::Checksum::in(d->w[1]));
                any = true;
                --transmit_budget;
            }
            tx_current_ = d->w[3];
            d = descriptor(tx_current_);
        }
        if (!frame.empty()) memory.faults.emplace_back("a chain whose tail is not owned");
        transmitting_ = false;
        if (any) raise(Interrupt::TxDone::mask);
    }

    // ---- Receiving ----

    void write_rx_ctl1(std::uint32_t value) {
        if ((value & RxCtl1::Enable::mask) == 0 && before_stop) before_stop();
        regs_[RxCtl1::offset] = value;
        rx_running_ = (value & RxCtl1::Enable::mask) != 0;
        if (!rx_running_) return;
        ++receive_kicks;
        if (!silicon() && can_receive()) {
            stalled_ = false;
            pump();
        }
    }
    [[nodiscard]] std::uint32_t receiver_state() {
        if (!silicon()) return 0;
        return rx_running_ || receiver_never_stops ? 3 : RxDmaSta::kStopped;
    }
    /// QEMU: the first owned slot at or after `start`, once around.
    std::uint32_t find_owned(std::uint32_t start, std::uint32_t least_bytes) {
        std::uint32_t at = start;
        for (auto d = descriptor(at); d; d = descriptor(at)) {
            if (d->owned() && d->bytes() >= least_bytes) return at;
            at = d->w[3];
            if (at == start) break;
        }
        return 0;
    }
    bool can_receive() {
        return (regs_[RxCtl0::offset] & RxCtl0::Enable::mask) != 0 &&
               find_owned(rx_current_, 0) != 0;
    }
    void pump() {
        while (!stalled_ && !backlog_.empty()) {
            if (!can_receive()) {
                stalled_ = true;
                return;
            }
            const Bytes frame = std::move(backlog_.front());
            backlog_.pop_front();
            receive_qemu(frame);
        }
    }
    void receive_qemu(const Bytes& frame) {
        rx_current_ = find_owned(rx_current_, 64);
        if (rx_current_ == 0) return raise(Interrupt::RxBufferUnavailable::mask);
        const auto d = descriptor(rx_current_);
        const std::size_t room = d->bytes();
        if (frame.size() < room && room < frame.size() + 4) {
            memory.faults.emplace_back("QEMU crashes: the frame fits but its FCS does not");
        }
        const std::size_t stored = std::min(frame.size(), room);
        memory.device_write(d->w[2], std::span(frame).first(stored), room);
        std::uint32_t length = static_cast<std::uint32_t>(stored);
        std::uint32_t flags = RxStatus::First::mask;
        if (room >= frame.size() + 4) {
            length = std::max(length, 64U) + 4;
            flags |= RxStatus::Last::mask;
        }
        d->w[0] = ((d->w[0] & ~Status::Own::mask) & ~(RxStatus::Length::mask)) |
                  RxStatus::Length::of(length) | flags | std::exchange(receive_flaws, 0);
        rx_current_ = find_owned(d->w[3], 64);
        std::uint32_t told = Interrupt::RxDone::mask;
        if (rx_current_ == 0) {
            told |= Interrupt::RxBufferUnavailable::mask;
            rx_current_ = regs_[RxDescList::offset];
        }
        raise(told);
    }
    void receive_silicon(const Bytes& frame) {
        if ((regs_[RxCtl0::offset] & RxCtl0::Enable::mask) == 0 || !rx_running_) {
            ++lost;
            return;
        }
        const auto d = descriptor(rx_current_);
        if (!d || !d->owned()) {
            ++lost;
            return raise(Interrupt::RxBufferUnavailable::mask);
        }
        Bytes padded = frame;
        if (padded.size() < 60) padded.resize(60);
        padded.resize(padded.size() + 4, std::byte{0xFC});
        memory.device_write(d->w[2], padded, d->bytes());
        d->w[0] = RxStatus::Length::of(static_cast<std::uint32_t>(padded.size())) |
                  RxStatus::kWhole | std::exchange(receive_flaws, 0);
        rx_current_ = d->w[3];
        raise(Interrupt::RxDone::mask);
    }

    // ---- PHY ----

    void write_mii_cmd(std::uint32_t value) {
        regs_[MiiCmd::offset] = value;
        if (!silicon()) {
            regs_[MiiCmd::offset] &= ~MiiCmd::Busy::mask;
            return run_mii();
        }
        mii_busy_ = 3;
    }
    void run_mii() {
        const std::uint32_t command = regs_[MiiCmd::offset];
        const std::uint32_t mask = silicon() ? 0x1F : 0x0F;  // QEMU: address 17 is address 1
        const std::uint32_t number = MiiCmd::Register::in(command);
        std::uint32_t& data = regs_[MiiData::offset];
        if ((MiiCmd::PhyAddress::in(command)&mask) != 1 || phy_absent) {
            if (silicon() && MiiCmd::Write::in(command) == 0) data = 0xFFFF;
            return;
        }
        if (MiiCmd::Write::in(command) != 0) {
            if (number == 0 && (data & 0x8000U) != 0) return reset_phy();
            phy_[number] = number == 0 ? data & ~0x0200U : data;
            return;
        }
        data = phy_[number];
        if (number == 1 && link) data |= 4;
        if (number == 5) data = partner;
    }
};

struct ModelIo {
    EmacModel* model;
    std::uint32_t read(std::uint32_t offset) const { return model->read(offset); }
    void write(std::uint32_t offset, std::uint32_t value) const { model->write(offset, value); }
};

struct ModelDma {
    EmacModel* model;
    std::uint32_t bus_address(const void* p) const { return model->memory.bus_address(p); }
    void clean(const void* p, std::size_t n) const { model->memory.clean(p, n); }
    void invalidate(void* p, std::size_t n) const { model->memory.invalidate(p, n); }
    void before_device() const { model->barrier(); }
    void after_device() const {}
    std::uint32_t load(const std::uint32_t& w) const { return model->load(w); }
    void store(std::uint32_t& w, std::uint32_t v) const { model->store(w, v); }
};

/// Each look at the clock costs ten microseconds, so bounded waits end.
struct ModelClock {
    EmacModel* model;
    Instant now() const { return Instant::from_us(model->now_us += 10); }
};

}  // namespace kyu::emac::test
