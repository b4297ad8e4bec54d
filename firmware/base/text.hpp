// Text: formatted output into any sink, without allocation.
//
// Context   any; what the sink may do decides (the panic sink polls the UART).
// Format    `{}` with an optional spec: `{:x}` hex, `{:08x}` zero-filled, `{:>8}` right, `{:<8}`
//           left. `{{` is a brace. A missing argument prints `{?}`: a log line must never stop a
//           board.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace kyu {

/// Takes characters. Implementations: the console, a fixed buffer, the panic port.
class TextSink {
public:
    virtual void put(std::string_view text) = 0;

protected:
    ~TextSink() = default;
};

/// One argument with its type erased.
class TextArg {
public:
    enum class Kind : std::uint8_t { signed_number, unsigned_number, text, character, boolean };
    // Implicit: an argument of print() is whatever is printed.
    // NOLINTBEGIN(google-explicit-constructor)
    constexpr TextArg(bool v) : kind_(Kind::boolean), number_(v ? 1U : 0U) {}
    constexpr TextArg(char v) : kind_(Kind::character), number_(static_cast<unsigned char>(v)) {}
    template <std::signed_integral T>
    constexpr TextArg(T v)
        : kind_(Kind::signed_number), number_(static_cast<std::uint64_t>(std::int64_t{v})) {}
    template <std::unsigned_integral T>
    constexpr TextArg(T v) : kind_(Kind::unsigned_number), number_(v) {}
    constexpr TextArg(std::string_view v) : kind_(Kind::text), text_(v) {}
    constexpr TextArg(const char* v)
        : kind_(Kind::text), text_(v == nullptr ? std::string_view{"(null)"} : v) {}
    // NOLINTEND(google-explicit-constructor)

    [[nodiscard]] constexpr Kind kind() const { return kind_; }
    [[nodiscard]] constexpr std::uint64_t number() const { return number_; }
    [[nodiscard]] constexpr std::string_view text() const { return text_; }

private:
    Kind kind_;
    std::uint64_t number_{0};
    std::string_view text_{};
};

/// Writes `format` with its places filled from `args`.
void format_to(TextSink& sink, std::string_view format, std::span<const TextArg> args);

template <typename... Args>
void print(TextSink& sink, std::string_view format, const Args&... args) {
    const std::array<TextArg, sizeof...(Args) + 1> packed{TextArg(args)..., TextArg(false)};
    format_to(sink, format, std::span<const TextArg>(packed).first(sizeof...(Args)));
}

/// A sink with N bytes of room; what does not fit is cut and counted.
template <std::size_t N>
class TextBuffer final : public TextSink {
    std::array<char, N> data_{};
    std::size_t size_{0};
    std::size_t cut_{0};

public:
    void put(std::string_view text) override {
        for (const char c : text) {
            if (size_ < N) {
                data_[size_++] = c;
            } else {
                ++cut_;
            }
        }
    }
    [[nodiscard]] std::string_view view() const { return {data_.data(), size_}; }
    [[nodiscard]] std::size_t cut() const { return cut_; }
    void clear() { size_ = cut_ = 0; }
};

}  // namespace kyu
