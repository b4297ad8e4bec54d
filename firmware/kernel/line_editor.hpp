// LineEditor: from typed characters to lines. Pure: no device, no clock.
//
// Rules     Backspace and DEL take back, ctrl-U takes back all, ctrl-C gives the line up, CR or LF
//           (or CR LF together) ends it. Escape sequences and other control characters are
//           swallowed. A full line rings the bell and takes no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/text.hpp"

namespace kyu {

class LineEditor {
    enum class Escape : std::uint8_t { none, begun, sequence };
    std::span<char> line_{};
    std::size_t size_{0};
    bool after_cr_{false};
    Escape escape_{Escape::none};

    bool swallow_escape(char c);

public:
    enum class Outcome : std::uint8_t { more, line, cancelled };

    /// Starts a new line that is kept in `line`.
    void begin(std::span<char> line) {
        line_ = line;
        size_ = 0;
    }
    /// Takes one character and writes to `echo` what the terminal should show.
    Outcome feed(char c, TextSink& echo);
    [[nodiscard]] std::size_t size() const { return size_; }
};

}  // namespace kyu
