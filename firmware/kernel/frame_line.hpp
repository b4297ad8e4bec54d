// FrameLine: one line for programs, `@kyu KIND key=value … *CRC` (docs/console.md).
//
// Context   any; what the sink may do decides. Nothing is buffered but one short value.
// Rules     keys and kinds are literals of [a-z0-9_-]. The line ends when the object dies.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/text.hpp"

namespace kyu {

/// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection, no final change.
[[nodiscard]] std::uint16_t crc16(std::string_view bytes, std::uint16_t start = 0xFFFF);

class FrameLine {
    TextSink& sink_;
    std::uint16_t crc_{0xFFFF};

    void emit(std::string_view text);
    void key(std::string_view name);
    void quoted(std::string_view value);

public:
    FrameLine(TextSink& sink, std::string_view kind);
    ~FrameLine();
    FrameLine(const FrameLine&) = delete;
    FrameLine& operator=(const FrameLine&) = delete;

    /// Bare when the value allows it, quoted when it does not.
    FrameLine& word(std::string_view name, std::string_view value);
    /// Always quoted.
    FrameLine& text(std::string_view name, std::string_view value);
    FrameLine& number(std::string_view name, std::uint64_t value);
    /// An address: at least eight hex digits with 0x.
    FrameLine& hex(std::string_view name, std::uint64_t value);
    /// A value made with base/text.hpp's format, at most kFieldMax bytes.
    template <typename... Args>
    FrameLine& field(std::string_view name, std::string_view format, const Args&... args) {
        TextBuffer<kFieldMax> value;
        print(value, format, args...);
        return word(name, value.view());
    }
    static constexpr std::size_t kFieldMax = 96;
};

}  // namespace kyu
