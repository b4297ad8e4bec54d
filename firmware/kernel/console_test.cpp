#include "kernel/console.hpp"

#include <array>
#include <string>

#include "port/host/console_port.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace console_test {

using host::HostConsolePort;
using host::Stop;
using host::TestMachine;
using namespace time_literals;
using Outcome = LineEditor::Outcome;

constexpr Instant at_ms(std::int64_t n) { return Instant::from_us(n * 1000); }

/// Types `keys` into an editor of eight characters; returns the lines it gave, one each, `|` for an
/// ended line and `!` for a cancelled one.
std::string type_into_editor(std::string_view keys, std::string* shown = nullptr) {
    std::array<char, 8> line{};
    TextBuffer<400> echo;
    LineEditor editor;
    std::string result;
    editor.begin(line);
    for (const char c : keys) {
        switch (editor.feed(c, echo)) {
            case Outcome::more: continue;
            case Outcome::line:
                result.append(line.data(), editor.size());
                result += '|';
                break;
            case Outcome::cancelled: result += '!'; break;
        }
        editor.begin(line);
    }
    if (shown != nullptr) *shown = echo.view();
    return result;
}

TEST(LineEditor, ends_lines_at_cr_lf_or_both) {
    EXPECT_EQ(type_into_editor("one\rtwo\nsix\r\n\r\n\n"), "one|two|six|||");
}

TEST(LineEditor, takes_back_with_backspace_delete_and_ctrl_u) {
    std::string shown;
    EXPECT_EQ(type_into_editor("ab\bc\x7f"
                               "d\r",
                               &shown),
              "ad|");
    EXPECT_EQ(shown, "ab\b \bc\b \bd\r\n");
    EXPECT_EQ(type_into_editor("\b\b\bx\r"), "x|") << "nothing to take back is no harm";
    EXPECT_EQ(type_into_editor("wrong\x15ok\r"), "ok|");
}

TEST(LineEditor, ctrl_c_gives_the_line_up) {
    std::string shown;
    EXPECT_EQ(type_into_editor("rm\x03ok\r", &shown), "!ok|");
    EXPECT_EQ(shown, "rm^C\r\nok\r\n");
}

TEST(LineEditor, a_full_line_takes_no_more) {
    std::string shown;
    EXPECT_EQ(type_into_editor("0123456789\r", &shown), "01234567|");
    EXPECT_EQ(shown, "01234567\a\a\r\n");
}

TEST(LineEditor, swallows_escape_sequences_and_other_rubbish) {
    EXPECT_EQ(type_into_editor("a\x1b[A\x1b[1;5Cb\x1bOPc\x1bxd\r"), "abcd|");
    EXPECT_EQ(type_into_editor(std::string_view("a\0\x01\xff\x80z\r", 7)), "az|");
    EXPECT_EQ(type_into_editor("\x1b\rok\r"), "|ok|") << "a lone ESC does not eat the line end";
}

struct Bench {
    TestMachine machine;
    HostConsolePort uart;
    Console console{uart};
    explicit Bench(unsigned bytes_per_ms = 0) : uart(machine.machine(), bytes_per_ms) {
        uart.attach(console);
    }
};

TEST(Console, lines_of_two_threads_never_mix) {
    Bench bench{11};
    for (const char* name : {"aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbb"}) {
        bench.machine.thread("writer", 10, [&, name](ThreadContext& self) {
            for (int i = 0; i < 20; ++i) {
                ConsoleSink sink{bench.console, self};
                print(sink, "{} ", name);
                self.yield();
                print(sink, "{}\n", name);
            }
        });
    }
    EXPECT_EQ(bench.machine.run(), Stop::asked);
    bench.machine.run(at_ms(5000));
    const std::string& text = bench.machine.text();
    std::size_t lines = 0;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1, ++lines) {
        const std::string line = text.substr(at, text.find("\r\n", at) - at);
        EXPECT_EQ(line.find(line[0] == 'a' ? 'b' : 'a'), std::string::npos) << line;
    }
    EXPECT_EQ(lines, 40U);
}

TEST(Console, a_line_for_programs_begins_at_the_first_column) {
    Bench bench;
    bench.machine.thread("shell", 10, [&](ThreadContext& self) {
        bench.console.print(self, "Kyu, ready> ");
        bench.console.print(self, "@kyu hb seq=1 *0000\r\n");
        bench.console.print(self, "@kyu hb seq=2 *0000\r\n");
    });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
    EXPECT_EQ(bench.machine.text(),
              "Kyu, ready> \r\n@kyu hb seq=1 *0000\r\n@kyu hb seq=2 *0000\r\n");
}

TEST(Console, newline_becomes_cr_lf_once) {
    Bench bench;
    bench.machine.thread("writer", 10,
                         [&](ThreadContext& self) { bench.console.print(self, "a\nb\r\nc\n\n"); });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
    EXPECT_EQ(bench.machine.text(), "a\r\nb\r\nc\r\n\r\n");
}

TEST(Console, a_thread_waits_for_a_slow_line_and_loses_nothing) {
    Bench bench{11};
    const std::string big(100'000, 'x');
    bench.machine.thread("writer", 10, [&](ThreadContext& self) {
        bench.console.write(self, big);
        EXPECT_EQ(bench.console.stats(self).output_dropped, 0U);
    });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
    EXPECT_GT(bench.machine.now(), at_ms(5000));
    bench.machine.run(at_ms(20'000));
    EXPECT_EQ(bench.machine.text(), big);
}

TEST(Console, a_dead_line_costs_one_wait_and_then_drops_and_counts) {
    Bench bench;
    bench.uart.die();
    const std::string big(kConsoleOutput + 100, 'x');
    bench.machine.thread("writer", 10, [&](ThreadContext& self) {
        bench.console.write(self, big);
        EXPECT_EQ(self.now(), Instant{} + kWritePatience);
        EXPECT_EQ(bench.console.stats(self).output_dropped, 100U);
        bench.console.write(self, "more");
        EXPECT_EQ(self.now(), Instant{} + kWritePatience) << "not again";
        EXPECT_EQ(bench.console.stats(self).output_dropped, 104U);
    });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
}

TEST(Console, a_killed_writer_loses_its_own_words_and_nobody_elses) {
    Bench bench{11};
    bench.machine.thread("killed", 10, [&](ThreadContext& self) {
        self.accept_kill();
        self.thread().kill(self);
        bench.console.write(self, std::string(kConsoleOutput + 100, 'x'));
        EXPECT_EQ(bench.console.stats(self).output_dropped, 100U);
    });
    bench.machine.thread("other", 11,
                         [&](ThreadContext& self) { bench.console.write(self, "heard"); });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
    bench.machine.run(at_ms(20'000));
    EXPECT_TRUE(bench.machine.text().ends_with("xheard"));
}

TEST(Console, an_interrupt_writes_all_or_nothing) {
    Bench bench{11};
    const std::string big(kConsoleOutput - 4, 'x');
    bench.machine.machine().at(at_ms(1), [&](IrqContext& irq) {
        EXPECT_TRUE(bench.console.try_write(irq, big));
        EXPECT_FALSE(bench.console.try_write(irq, "hello"));
        EXPECT_TRUE(bench.console.try_write(irq, "hell"));
    });
    bench.machine.thread("t", 10, [&](ThreadContext& self) {
        self.sleep_until(at_ms(2));
        EXPECT_EQ(bench.console.stats(self).output_dropped, 5U);
    });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
}

TEST(Console, reads_lines_with_echo_and_deadline) {
    Bench bench;
    bench.machine.machine().at(at_ms(5), [&](IrqContext& irq) {
        bench.console.received(irq, std::span<const char>("helq\blo\rnext", 12));
    });
    bench.machine.thread("shell", 10, [&](ThreadContext& self) {
        std::array<char, 80> line{};
        const LineRead read = bench.console.read_line(self, line, Instant::never());
        EXPECT_EQ(read.outcome, LineRead::Outcome::line);
        EXPECT_EQ(std::string_view(line.data(), read.size), "hello");
        EXPECT_EQ(self.now(), at_ms(5));
        EXPECT_EQ(bench.console.read_line(self, line, at_ms(9)).outcome,
                  LineRead::Outcome::timed_out);
        EXPECT_EQ(self.now(), at_ms(9));
    });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
    EXPECT_EQ(bench.machine.text(), "helq\b \blo\r\nnext");
}

TEST(Console, input_nobody_reads_is_dropped_and_counted) {
    Bench bench;
    const std::string flood(kConsoleInput + 500, 'x');
    bench.uart.type(flood);
    bench.machine.thread("t", 10, [&](ThreadContext& self) {
        self.sleep_for(1_ms);
        EXPECT_EQ(bench.console.stats(self).input_dropped, 500U);
    });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
}

TEST(Console, ctrl_c_is_heard_by_a_command_that_runs_and_drops_what_was_typed_ahead) {
    Bench bench;
    bench.uart.type("ahead\r\x03");
    bench.machine.thread("shell", 10, [&](ThreadContext& self) {
        self.sleep_for(1_ms);
        EXPECT_TRUE(bench.console.take_interrupt(self));
        EXPECT_FALSE(bench.console.take_interrupt(self));
        std::array<char, 8> line{};
        EXPECT_EQ(bench.console.read_line(self, line, self.now() + 1_ms).outcome,
                  LineRead::Outcome::timed_out);
    });
    EXPECT_EQ(bench.machine.run(), Stop::asked);
}

}  // namespace console_test
}  // namespace kyu
