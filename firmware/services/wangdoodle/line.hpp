// LineAssembler: bytes in, command lines out.
//
// Rules     Pure. A line ends with LF; CR before it is trimmed. Lines come in any number of pieces,
//           several may come in one. A line longer than kLineMax is reported once, as too long,
//           when its end is seen; none of it is kept.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace kyu::wangdoodle {

inline constexpr std::size_t kLineMax = 128;  ///< bytes without the line end

class LineAssembler {
    std::array<char, kLineMax> text_{};
    std::size_t size_{0};
    bool too_long_{false};
    bool restart_{false};

public:
    enum class Event { none, line, too_long };

    /// After Event::line, line() is valid until the next push().
    Event push(char c) {
        if (restart_) clear();
        if (c == '\n') return end();
        if (size_ == kLineMax) {
            too_long_ = true;
        } else {
            text_[size_++] = c;
        }
        return Event::none;
    }
    /// The stream is over: what is left without a line end counts as a line if there is any.
    Event end() {
        restart_ = true;
        while (size_ > 0 && text_[size_ - 1] == '\r') --size_;
        return too_long_ ? Event::too_long : Event::line;
    }
    [[nodiscard]] bool partial() const { return !restart_ && (size_ > 0 || too_long_); }
    [[nodiscard]] std::string_view line() const { return {text_.data(), size_}; }

private:
    void clear() {
        size_ = 0;
        too_long_ = restart_ = false;
    }
};

}  // namespace kyu::wangdoodle
