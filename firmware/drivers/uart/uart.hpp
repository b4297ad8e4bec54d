// Uart: a 16550 with the DesignWare additions of the H3, under the console.
//
// Rules     115200 8N1, FIFOs on. Transmit interrupts are on only while there is something to send.
//           A burst fills the FIFO only when it is empty, so nothing has to be counted.
//           kick() also looks at the line status itself: a transmitter that became empty without
//           an interrupt (THRE is an edge) starts again with the next output.
// Context   init at boot; kick with interrupts off; on_irq from the interrupt; write_polled in any.
// Ownership the Console that is attached outlives the driver.
// Source    TI 16550 data sheet; Allwinner H3 user manual, UART (USR, busy detect).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "drivers/mmio.hpp"
#include "kernel/console.hpp"
#include "kernel/context.hpp"

namespace kyu::uart {

inline constexpr std::uint32_t kData = 0x00;         ///< read: received; write: to send
inline constexpr std::uint32_t kDivisorLow = 0x00;   ///< while LineControl::DivisorAccess is set
inline constexpr std::uint32_t kDivisorHigh = 0x04;  ///< likewise
struct InterruptEnable {
    static constexpr std::uint32_t offset = 0x04;
    using Received = Field<0, 0>;
    using TransmitterEmpty = Field<1, 1>;
    using LineStatus = Field<2, 2>;
};
struct InterruptId {
    static constexpr std::uint32_t offset = 0x08;
    using Reason = Field<3, 0>;
    static constexpr std::uint32_t kNone = 1;
    static constexpr std::uint32_t kBusy = 7;  ///< DesignWare: LCR was written while busy
};
struct FifoControl {
    static constexpr std::uint32_t offset = 0x08;
    using Enable = Field<0, 0>;
    using ResetReceiver = Field<1, 1>;
    using ResetTransmitter = Field<2, 2>;
    using ReceiveTrigger = Field<7, 6>;  ///< 0: one character, 1: a quarter
};
struct LineControl {
    static constexpr std::uint32_t offset = 0x0C;
    using WordLength = Field<1, 0>;  ///< 3: eight bits
    using DivisorAccess = Field<7, 7>;
};
struct ModemControl {
    static constexpr std::uint32_t offset = 0x10;
    using Dtr = Field<0, 0>;
    using Rts = Field<1, 1>;
};
struct LineStatus {
    static constexpr std::uint32_t offset = 0x14;
    using DataReady = Field<0, 0>;
    using Overrun = Field<1, 1>;
    using FifoEmpty = Field<5, 5>;  ///< room for a whole FIFO
    using TransmitterIdle = Field<6, 6>;
};
struct Status {  // DesignWare; reads 0 elsewhere
    static constexpr std::uint32_t offset = 0x7C;
    using Busy = Field<0, 0>;
};

inline constexpr std::uint32_t kBitsPerSecond = 115'200;
inline constexpr std::size_t kFifo = 16;  ///< the H3 has 64; 16 are there on every 16550
/// Looks at a transmitter that is not ready, some seconds with the pauses between them. A character
/// takes 87 us; but an emulated transmitter is ready when the host has read what it sent, and on a
/// busy host that takes longer than any wire would.
inline constexpr unsigned kPolls = 5'000'000;
inline constexpr unsigned kReasonsMax = 64;  ///< interrupts served in one call

/// Counters for `console` in the shell.
struct Stats {
    std::uint32_t interrupts{};
    std::uint32_t overruns{};  ///< characters that came faster than they were read
};

template <Io I>
class Uart final : public ConsolePort {
    I io_;
    Console* console_{nullptr};
    bool sending_{false};
    bool mute_{false};  // the transmitter did not become ready in all of kPolls
    Stats stats_{};

    static constexpr std::uint32_t kEightBits = LineControl::WordLength::of(3);
    static constexpr std::uint32_t kReceiving =
        InterruptEnable::Received::of(1) | InterruptEnable::LineStatus::of(1);

    bool wait_for(std::uint32_t status_bits) {
        for (unsigned n = 0; n < kPolls; ++n) {
            if ((io_.read(LineStatus::offset) & status_bits) != 0) return true;
            if constexpr (PausingIo<I>) io_.pause();
        }
        return false;
    }

    /// The hardware ignores LCR while it is busy receiving or sending.
    void set_line_control(std::uint32_t value) {
        for (unsigned n = 0; n < 1000; ++n) {
            io_.write(LineControl::offset, value);
            if ((io_.read(LineControl::offset) & 0xFFU) == value) return;
            io_.write(FifoControl::offset, FifoControl::Enable::of(1) |
                                               FifoControl::ResetReceiver::of(1) |
                                               FifoControl::ResetTransmitter::of(1));
            static_cast<void>(io_.read(kData));
            static_cast<void>(io_.read(Status::offset));
        }
    }

    /// One FIFO's worth, if the FIFO is empty. Turns its interrupt on or off as needed.
    void send(IrqsOff& off) {
        if (LineStatus::FifoEmpty::in(io_.read(LineStatus::offset)) == 0) return enable_sending();
        std::array<char, kFifo> burst;
        const std::size_t n = console_->take_output(off, burst);
        for (std::size_t i = 0; i < n; ++i) {
            io_.write(kData, static_cast<unsigned char>(burst[i]));
        }
        if (n == 0) {
            sending_ = false;
            io_.write(InterruptEnable::offset, kReceiving);
        } else {
            enable_sending();
        }
    }

    void enable_sending() {
        if (sending_) return;
        sending_ = true;
        io_.write(InterruptEnable::offset, kReceiving | InterruptEnable::TransmitterEmpty::of(1));
    }

    void receive(IrqContext& irq) {
        std::array<char, 64> received;
        std::size_t n = 0;
        std::uint32_t status = io_.read(LineStatus::offset);
        while (n < received.size() && LineStatus::DataReady::in(status) != 0) {
            stats_.overruns += LineStatus::Overrun::in(status);
            received[n++] = static_cast<char>(io_.read(kData));
            status = io_.read(LineStatus::offset);
        }
        if (n > 0) console_->received(irq, std::span<const char>(received).first(n));
    }

public:
    constexpr explicit Uart(I io) : io_(io) {}

    /// Sets the line up. `clock_hz` is what feeds the divisor. No interrupts before attach().
    void init(std::uint32_t clock_hz) {
        constexpr std::uint32_t kSamplesPerBit = 16;
        const std::uint32_t rate = kSamplesPerBit * kBitsPerSecond;
        const std::uint32_t divisor = (clock_hz + rate / 2) / rate;
        wait_for(LineStatus::TransmitterIdle::mask);  // the boot loader's last words
        io_.write(InterruptEnable::offset, 0);
        set_line_control(kEightBits | LineControl::DivisorAccess::of(1));
        io_.write(kDivisorLow, divisor & 0xFFU);
        io_.write(kDivisorHigh, divisor >> 8U);
        set_line_control(kEightBits);
        io_.write(FifoControl::offset,
                  FifoControl::Enable::of(1) | FifoControl::ResetReceiver::of(1) |
                      FifoControl::ResetTransmitter::of(1) | FifoControl::ReceiveTrigger::of(1));
        io_.write(ModemControl::offset, ModemControl::Dtr::of(1) | ModemControl::Rts::of(1));
    }

    /// From now on `console` is fed, and emptied. Its interrupt may come at once.
    void attach(Console& console) {
        console_ = &console;
        io_.write(InterruptEnable::offset, kReceiving);
    }

    void kick(IrqsOff& off) override {
        if (console_ != nullptr) send(off);
    }

    void on_irq(IrqContext& irq) {
        ++stats_.interrupts;
        for (unsigned n = 0; n < kReasonsMax; ++n) {
            const std::uint32_t reason = InterruptId::Reason::in(io_.read(InterruptId::offset));
            if (reason == InterruptId::kNone) return;
            if (reason == InterruptId::kBusy) {
                static_cast<void>(io_.read(Status::offset));  // reading it ends the complaint
                continue;
            }
            receive(irq);
            if (!sending_) continue;
            IrqsOff off{irq};
            send(off);
            return;  // one burst an interrupt: output must not keep threads waiting
        }
    }

    /// Every byte, before it returns; gives up on a transmitter that never becomes ready, and asks
    /// it only once from then on: a crash report is a thousand lines.
    void write_polled(std::string_view text) {
        for (const char c : text) {
            mute_ = mute_ ? LineStatus::FifoEmpty::in(io_.read(LineStatus::offset)) == 0
                          : !wait_for(LineStatus::FifoEmpty::mask);
            if (mute_) return;
            io_.write(kData, static_cast<unsigned char>(c));
        }
    }

    [[nodiscard]] const Stats& stats() const { return stats_; }
};

}  // namespace kyu::uart
