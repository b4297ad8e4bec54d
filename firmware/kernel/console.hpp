// Console: the serial line, interrupt-driven in both directions.
//
// Context   write, print and read_line from threads; try_write from interrupts; take_output and
//           received from the UART driver; drain from a panic.
// Lock      a mutex makes each write whole: lines of two threads never mix. The rings change with
//           interrupts off, kChunk bytes at a time.
// Limits    kConsoleOutput bytes queue. A thread waits for room; when the device has taken nothing
//           for kWritePatience the rest is dropped and counted, and so is everything until it takes
//           again: a dead UART must not stop the board. Interrupts never wait. Input that nobody
//           reads is dropped and counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ring.hpp"
#include "base/text.hpp"
#include "kernel/context.hpp"
#include "kernel/line_editor.hpp"
#include "kernel/mutex.hpp"
#include "kernel/wait_queue.hpp"

namespace kyu {

inline constexpr std::size_t kConsoleOutput = 32 * 1024;
inline constexpr std::size_t kConsoleInput = 1024;
inline constexpr Duration kWritePatience = Duration::from_s(3);

/// What the console needs of a UART driver. The driver's interrupt handler calls
/// Console::take_output() whenever its transmitter has room, until that gives nothing (then it
/// turns the transmit interrupt off), and Console::received() with what has come in.
class ConsolePort {
public:
    /// There is output: begin to take it, if not already at it. Must not block.
    virtual void kick(IrqsOff& off) = 0;

protected:
    ~ConsolePort() = default;
};

struct ConsoleStats {
    std::uint64_t written{};         ///< bytes handed to the device
    std::uint64_t read{};            ///< bytes received
    std::uint32_t output_dropped{};  ///< bytes that found no room in time
    std::uint32_t input_dropped{};
};

struct LineRead {
    enum class Outcome : std::uint8_t { line, cancelled, timed_out };
    Outcome outcome{};
    std::size_t size{};  ///< characters of the line; 0 unless outcome is line
};

class Console {
    static constexpr std::size_t kChunk = 256;
    ConsolePort& port_;
    Mutex writer_{"console", HolderSleeps::may};  // waits for room; the device needs no lock
    Ring<char, kConsoleOutput> output_;
    Ring<char, kConsoleInput> input_;
    WaitQueue room_{"output", "console"};
    WaitQueue readable_{"input", "console"};
    LineEditor editor_;
    ConsoleStats stats_{};
    char at_{'\n'};                       // last character written: where the cursor stands
    const Thread* last_writer_{nullptr};  // for whoever looks at a board that fell silent
    bool stuck_{false};                   // the last wait for room was in vain
    bool interrupted_{false};             // ctrl-C came

    bool read_char(ThreadContext& self, char& c, Instant deadline);
    std::size_t push(std::string_view text);
    bool write_all(ThreadContext& self, std::string_view text);

public:
    explicit Console(ConsolePort& port) : port_(port) {}

    // ---- Threads ----------------------------------------------------------------------------

    /// Writes `text` undivided, byte for byte; a framed line (`@kyu `) gets a line of its own.
    void write(ThreadContext& self, std::string_view text);
    /// Writes formatted text (base/text.hpp), each line undivided; "\n" becomes CR LF.
    template <typename... Args>
    void print(ThreadContext& self, std::string_view format, const Args&... args);
    /// Reads and echoes one line into `into`. CR LF is not part of it.
    LineRead read_line(ThreadContext& self, std::span<char> into, Instant deadline);
    /// Whether ctrl-C was typed since the last call or the last read_line().
    [[nodiscard]] bool take_interrupt(ThreadContext& self);
    [[nodiscard]] ConsoleStats stats(ThreadContext& self);

    // ---- Interrupts and the driver ----------------------------------------------------------

    /// All or nothing; false and counted when there is no room.
    bool try_write(IrqContext& irq, std::string_view text);
    /// Moves queued output to `into`, oldest first. Returns how many bytes; 0: nothing queued.
    std::size_t take_output(IrqsOff& off, std::span<char> into);
    void received(IrqContext& irq, std::span<const char> bytes);

    // ---- Panic ------------------------------------------------------------------------------

    /// Hands everything still queued to `sink`. Interrupts off, no return to normal life.
    void drain(TextSink& sink);
};

/// Console output as a TextSink of one thread: collects a line, then writes it undivided. Longer
/// lines than kLine go out in pieces. "\n" becomes CR LF; "\r\n" stays.
class ConsoleSink final : public TextSink {
    static constexpr std::size_t kLine = 256;
    Console& console_;
    ThreadContext& self_;
    std::array<char, kLine> line_;
    std::size_t size_{0};
    char last_{0};

    void add(char c);

public:
    ConsoleSink(Console& console, ThreadContext& self) : console_(console), self_(self) {}
    ~ConsoleSink() { flush(); }
    ConsoleSink(const ConsoleSink&) = delete;
    ConsoleSink& operator=(const ConsoleSink&) = delete;
    void put(std::string_view text) override;
    /// Writes what is collected: a prompt has no line end.
    void flush();
};

template <typename... Args>
void Console::print(ThreadContext& self, std::string_view format, const Args&... args) {
    ConsoleSink sink{*this, self};
    kyu::print(sink, format, args...);
}

}  // namespace kyu
