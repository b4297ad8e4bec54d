#include "kernel/line_editor.hpp"

namespace kyu {
namespace {

constexpr char kCtrlC = 0x03;
constexpr char kCtrlU = 0x15;
constexpr char kEsc = 0x1B;
constexpr char kDel = 0x7F;

}  // namespace

bool LineEditor::swallow_escape(char c) {
    switch (escape_) {
        case Escape::none:
            if (c != kEsc) return false;
            escape_ = Escape::begun;
            return true;
        case Escape::begun:
            // ESC [ and ESC O go on to a final letter; ESC with anything else ends here.
            escape_ = c == '[' || c == 'O' ? Escape::sequence : Escape::none;
            return c >= 0x20;
        case Escape::sequence:
            // ECMA-48 §5.4: parameters are 0x20..0x3F, the final byte 0x40..0x7E.
            if (c >= 0x20 && c <= 0x3F) return true;
            escape_ = Escape::none;
            return c >= 0x40;
    }
    return false;
}

LineEditor::Outcome LineEditor::feed(char c, TextSink& echo) {
    const bool second_of_pair = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (second_of_pair || swallow_escape(c)) return Outcome::more;
    if (c == '\r' || c == '\n') {
        echo.put("\r\n");
        return Outcome::line;
    }
    if (c == kCtrlC) {
        echo.put("^C\r\n");
        size_ = 0;
        return Outcome::cancelled;
    }
    if (c == kCtrlU) {
        for (; size_ > 0; --size_) echo.put("\b \b");
    } else if (c == '\b' || c == kDel) {
        if (size_ > 0) {
            --size_;
            echo.put("\b \b");
        }
    } else if (c >= 0x20 && c < kDel) {
        if (size_ < line_.size()) {
            line_[size_++] = c;
            echo.put({&c, 1});
        } else {
            echo.put("\a");
        }
    }
    return Outcome::more;
}

}  // namespace kyu
