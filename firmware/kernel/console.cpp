#include "kernel/console.hpp"

#include <algorithm>

#include "kernel/kernel.hpp"

namespace kyu {

std::size_t Console::push(std::string_view text) {
    std::size_t n = 0;
    while (n < text.size() && output_.push(text[n])) ++n;
    return n;
}

void Console::write(ThreadContext& self, std::string_view text) {
    if (text.empty()) return;
    MutexGuard guard{writer_, self};
    last_writer_ = &self.thread();
    // A line for programs begins at the first column, even behind a prompt or half a command.
    if (at_ != '\n' && text.starts_with("@kyu ")) write_all(self, "\r\n");
    at_ = text.back();
    if (!write_all(self, text)) at_ = 0;
}

bool Console::write_all(ThreadContext& self, std::string_view text) {
    while (!text.empty()) {
        IrqsOff off{self};
        const std::size_t n = push(text.substr(0, kChunk));
        text.remove_prefix(n);
        port_.kick(off);
        if (text.empty() || !output_.full()) continue;
        if (!stuck_ && room_.wait(off, self.now() + kWritePatience)) continue;
        if (!output_.full()) continue;
        // Not the line's fault when the writer was killed: only its own words are lost.
        stuck_ = !self.should_end();
        stats_.output_dropped += static_cast<std::uint32_t>(text.size());
        return false;
    }
    return true;
}

bool Console::try_write(IrqContext& irq, std::string_view text) {
    IrqsOff off{irq};
    if (kConsoleOutput - output_.size() < text.size()) {
        stats_.output_dropped += static_cast<std::uint32_t>(text.size());
        return false;
    }
    push(text);
    port_.kick(off);
    return true;
}

std::size_t Console::take_output(IrqsOff& off, std::span<char> into) {
    std::size_t n = 0;
    while (n < into.size() && output_.pop(into[n])) ++n;
    stats_.written += n;
    if (n > 0) stuck_ = false;
    // Not at the first free byte: a writer that is woken for each costs two switches a character.
    if (!room_.empty() && output_.size() <= kConsoleOutput / 2) room_.wake_all(off);
    return n;
}

void Console::received(IrqContext& irq, std::span<const char> bytes) {
    constexpr char kCtrlC = 0x03;
    IrqsOff off{irq};
    for (const char c : bytes) {
        ++stats_.read;
        if (c == kCtrlC) interrupted_ = true;
        if (!input_.push(c)) ++stats_.input_dropped;
    }
    readable_.wake_all(off);
}

bool Console::read_char(ThreadContext& self, char& c, Instant deadline) {
    IrqsOff off{self};
    while (!input_.pop(c)) {
        if (!readable_.wait(off, deadline)) return false;
    }
    return true;
}

LineRead Console::read_line(ThreadContext& self, std::span<char> into, Instant deadline) {
    editor_.begin(into);
    for (;;) {
        char c = 0;
        if (!read_char(self, c, deadline)) return {LineRead::Outcome::timed_out, 0};
        LineEditor::Outcome outcome{};
        {
            ConsoleSink echo{*this, self};
            outcome = editor_.feed(c, echo);
        }
        if (outcome == LineEditor::Outcome::more) continue;
        if (outcome == LineEditor::Outcome::line) {
            return {LineRead::Outcome::line, editor_.size()};
        }
        IrqsOff off{self};
        interrupted_ = false;  // it has been heard
        return {LineRead::Outcome::cancelled, 0};
    }
}

bool Console::take_interrupt(ThreadContext& self) {
    IrqsOff off{self};
    if (!interrupted_) return false;
    interrupted_ = false;
    // What was typed ahead belongs to what is being given up.
    for (char c = 0; input_.pop(c);) {
    }
    return true;
}

ConsoleStats Console::stats(ThreadContext& self) {
    IrqsOff off{self};
    return stats_;
}

void Console::drain(TextSink& sink) {
    std::array<char, 64> piece{};
    for (;;) {
        std::size_t n = 0;
        while (n < piece.size() && output_.pop(piece[n])) ++n;
        if (n == 0) return;
        sink.put({piece.data(), n});
    }
}

void ConsoleSink::add(char c) {
    line_[size_++] = c;
    if (size_ == kLine) flush();
}

void ConsoleSink::put(std::string_view text) {
    for (const char c : text) {
        if (c == '\n' && last_ != '\r') add('\r');
        add(c);
        last_ = c;
        if (c == '\n') flush();
    }
}

void ConsoleSink::flush() {
    if (size_ == 0) return;
    console_.write(self_, {line_.data(), size_});
    size_ = 0;
}

}  // namespace kyu
