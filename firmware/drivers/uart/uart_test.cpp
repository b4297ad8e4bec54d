#include "drivers/uart/uart.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "port/host/test_machine.hpp"

namespace kyu::uart {
namespace uart_test {

using namespace time_literals;

/// A 16550: its wire takes everything at once, or nothing while `stuck`.
struct Model {
    std::string sent;
    std::deque<char> line;  // what will be received
    std::uint32_t ier{0};
    std::uint32_t lcr{0};
    std::uint32_t dll{0};
    std::uint32_t dlh{0};
    std::size_t in_fifo{0};
    bool stuck{false};
    bool busy_complaint{false};
    bool overrun{false};
    unsigned lcr_refusals{0};
    std::size_t fullest{0};

    void wire_runs() {
        if (!stuck) in_fifo = 0;
    }
    std::uint32_t reason() {
        if (busy_complaint) return InterruptId::kBusy;
        if (!line.empty() && (ier & 1U) != 0) return 4;
        if (in_fifo == 0 && (ier & 2U) != 0) return 2;
        return InterruptId::kNone;
    }
};
struct ModelIo {
    Model* m;
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) const {
        switch (offset) {
            case kData: {
                if (m->line.empty()) return 0;
                const char c = m->line.front();
                m->line.pop_front();
                return static_cast<unsigned char>(c);
            }
            case InterruptId::offset: return 0xC0U | m->reason();
            case LineControl::offset: return m->lcr;
            case LineStatus::offset: {
                const std::uint32_t over = m->overrun ? 2U : 0U;
                m->overrun = false;
                return (m->line.empty() ? 0U : 1U) | (m->in_fifo == 0 ? 0x60U : 0U) | over;
            }
            case Status::offset: m->busy_complaint = false; return 0;
            default: return 0;
        }
    }
    void write(std::uint32_t offset, std::uint32_t value) const {
        const bool divisor = (m->lcr & 0x80U) != 0;
        if (offset == kData && divisor) {
            m->dll = value;
        } else if (offset == kData) {
            m->sent += static_cast<char>(value);
            m->fullest = std::max(m->fullest, ++m->in_fifo);
        } else if (offset == InterruptEnable::offset) {
            (divisor ? m->dlh : m->ier) = value;
        } else if (offset == LineControl::offset) {
            if (m->lcr_refusals > 0) {
                --m->lcr_refusals;
                m->busy_complaint = true;
            } else {
                m->lcr = value;
            }
        }
    }
};

using TestUart = Uart<ModelIo>;

/// Interrupts as long as the model asks for them; the wire takes what was sent after each.
void serve(Kernel& kernel, TestUart& uart, Model& model) {
    for (int n = 0; n < 10'000 && model.reason() != InterruptId::kNone; ++n) {
        const unsigned saved = port::irq_save();
        kernel.run_irq([&](IrqContext& irq) { uart.on_irq(irq); });
        port::irq_restore(saved);
        model.wire_runs();
    }
}

TEST(Uart, sets_115200_eight_bits_from_24_mhz) {
    Model model;
    TestUart uart{ModelIo{&model}};
    uart.init(24'000'000);
    EXPECT_EQ(model.dll, 13U);
    EXPECT_EQ(model.dlh, 0U);
    EXPECT_EQ(model.lcr, 3U);
    EXPECT_EQ(model.ier, 0U) << "no interrupt before somebody is attached";
}

TEST(Uart, insists_when_a_busy_line_control_register_ignores_a_write) {
    Model model;
    model.lcr_refusals = 3;
    TestUart uart{ModelIo{&model}};
    uart.init(24'000'000);
    EXPECT_EQ(model.dll, 13U);
    EXPECT_EQ(model.lcr, 3U);
}

TEST(Uart, polls_out_every_byte_before_it_returns) {
    Model model;
    struct RunningIo : ModelIo {  // the wire runs with every look at the status
        [[nodiscard]] std::uint32_t read(std::uint32_t offset) const {
            m->wire_runs();
            return ModelIo::read(offset);
        }
    };
    Uart<RunningIo> uart{RunningIo{{&model}}};
    uart.write_polled("PANIC: at the disco\r\n");
    EXPECT_EQ(model.sent, "PANIC: at the disco\r\n");
    EXPECT_EQ(model.fullest, 1U);
}

TEST(Uart, waits_for_a_dead_transmitter_once_and_for_no_line_after_it) {
    Model model;
    model.in_fifo = kFifo;
    unsigned looks = 0;
    struct CountingIo : ModelIo {
        unsigned* looks;
        [[nodiscard]] std::uint32_t read(std::uint32_t offset) const {
            ++*looks;
            return ModelIo::read(offset);
        }
    };
    Uart<CountingIo> uart{CountingIo{{&model}, &looks}};
    for (int line = 0; line < 1000; ++line) uart.write_polled("a line of a crash record\r\n");
    EXPECT_EQ(looks, kPolls + 999);
    EXPECT_EQ(model.sent, "");

    model.in_fifo = 0;  // it comes back
    uart.write_polled("x");
    EXPECT_EQ(model.sent, "x");
}

TEST(Uart, lets_a_moment_go_by_between_two_looks_at_a_transmitter_that_is_not_ready) {
    Model model;
    model.in_fifo = kFifo;
    unsigned pauses = 0;
    struct SlowIo : ModelIo {
        unsigned* pauses;
        void pause() const {
            if (++*pauses == kPolls - 1) m->in_fifo = 0;  // at the last moment
        }
    };
    static_assert(PausingIo<SlowIo> && !PausingIo<ModelIo>);
    Uart<SlowIo> uart{SlowIo{{&model}, &pauses}};
    uart.write_polled("still there");
    EXPECT_TRUE(model.sent.starts_with("s")) << "it has waited to the end of its patience";
    EXPECT_GE(pauses, kPolls - 1);
}

class UartConsole : public testing::Test {
protected:
    Model model;
    TestUart uart{ModelIo{&model}};
    Console console{uart};
    void in_thread(const host::TestMachine::Body& body) { host::run_as_thread(body); }
};

TEST_F(UartConsole, sends_long_output_by_interrupts_in_bursts_of_a_fifo) {
    in_thread([&](ThreadContext& self) {
        uart.attach(console);
        model.stuck = true;  // what is written now queues up behind the first burst
        const std::string text(1000, 'k');
        console.write(self, text);
        EXPECT_EQ(model.sent.size(), kFifo);
        model.stuck = false;
        model.wire_runs();
        serve(self.kernel(), uart, model);
        EXPECT_EQ(model.sent, text);
        EXPECT_LE(model.fullest, kFifo);
        EXPECT_EQ(model.ier & 2U, 0U) << "nothing left: the interrupt is off";
    });
}

TEST_F(UartConsole, starts_again_with_the_next_output_after_a_lost_edge) {
    in_thread([&](ThreadContext& self) {
        uart.attach(console);
        console.write(self, std::string(40, 'a'));  // 16 sent, the interrupt never comes
        EXPECT_EQ(model.sent.size(), kFifo);
        model.wire_runs();
        console.write(self, "b");
        EXPECT_EQ(model.sent.size(), 2 * kFifo);
    });
}

TEST_F(UartConsole, hands_received_characters_to_the_reader) {
    in_thread([&](ThreadContext& self) {
        uart.attach(console);
        for (const char c : std::string("threads\r")) model.line.push_back(c);
        serve(self.kernel(), uart, model);
        std::array<char, 80> line;
        const LineRead got = console.read_line(self, line, self.now() + 1_s);
        EXPECT_EQ(got.outcome, LineRead::Outcome::line);
        EXPECT_EQ(std::string_view(line.data(), got.size), "threads");
    });
}

TEST_F(UartConsole, ends_a_busy_complaint_and_counts_overruns) {
    in_thread([&](ThreadContext& self) {
        uart.attach(console);
        model.busy_complaint = true;
        model.overrun = true;
        model.line.push_back('x');
        serve(self.kernel(), uart, model);
        EXPECT_FALSE(model.busy_complaint);
        EXPECT_EQ(uart.stats().overruns, 1U);
        EXPECT_TRUE(model.line.empty());
    });
}

}  // namespace uart_test
}  // namespace kyu::uart
