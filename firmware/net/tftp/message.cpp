// TFTP packets, in and out.
//
// Context   any. Pure.
#include "net/tftp/message.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/endian.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

enum class Opcode : std::uint16_t { request = 1, data = 3, ack = 4, error = 5, options = 6 };

// RFC 1350, appendix; RFC 2347.
constexpr std::uint16_t kDiskFull = 3;
constexpr std::uint16_t kIllegal = 4;
constexpr std::uint16_t kBadOption = 8;

/// The text up to the next zero, which is taken off too. Nothing: there is no zero.
std::optional<std::string_view> take_text(std::span<const std::byte>& rest) {
    const auto end = std::find(rest.begin(), rest.end(), std::byte{0});
    if (end == rest.end()) return {};
    const auto size = static_cast<std::size_t>(end - rest.begin());
    const std::string_view text{reinterpret_cast<const char*>(rest.data()), size};
    rest = rest.subspan(size + 1);
    return text;
}

bool same(std::string_view a, std::string_view small) {
    return std::equal(a.begin(), a.end(), small.begin(), small.end(),
                      [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

}  // namespace

const char* to_text(TftpError error) {
    switch (error) {
        case TftpError::bad_name: return "not a file name";
        case TftpError::no_answer: return "no answer";
        case TftpError::refused: return "refused";
        case TftpError::no_socket: return "no socket";
        case TftpError::too_big: return "too big";
        case TftpError::bad_option: return "option that was not asked for";
        case TftpError::unreachable: return "unreachable";
    }
    return "?";
}

void TftpGet::put16(std::uint16_t value) {
    out_[out_size_++] = static_cast<std::byte>(value >> 8U);
    out_[out_size_++] = static_cast<std::byte>(value);
}

void TftpGet::put(std::string_view text) {
    for (const char c : text) out_[out_size_++] = static_cast<std::byte>(c);
    out_[out_size_++] = std::byte{0};
}

bool TftpGet::ask(std::string_view name) {
    const bool printable =
        std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (name.empty() || name.size() > kTftpNameMax || !printable) return false;
    static_assert(kTftpBlockWanted == 1468);
    out_size_ = 0;
    put16(static_cast<std::uint16_t>(Opcode::request));
    put(name);
    for (const char* word : {"octet", "blksize", "1468", "tsize", "0"}) put(word);
    return true;
}

void TftpGet::acknowledge(std::uint16_t block) {
    out_size_ = 0;
    put16(static_cast<std::uint16_t>(Opcode::ack));
    put16(block);
}

TftpGet::Event TftpGet::fail(TftpError error, std::uint16_t code, std::string_view text) {
    error_ = error;
    out_size_ = 0;
    put16(static_cast<std::uint16_t>(Opcode::error));
    put16(code);
    put(text);
    return Event::failed;
}

TftpGet::Event TftpGet::take(std::span<const std::byte> packet, std::span<const std::byte>& data) {
    const auto* opcode = header_at<Be16>(packet);
    if (opcode == nullptr || packet.size() < 4) return Event::malformed;
    const std::span<const std::byte> rest = packet.subspan(sizeof(Be16));
    switch (static_cast<Opcode>(opcode->host())) {
        case Opcode::data: return take_data(rest, data);
        case Opcode::options: return take_options(rest);
        case Opcode::error: return take_error(rest);
        default: return Event::malformed;
    }
}

TftpGet::Event TftpGet::take_data(std::span<const std::byte> rest,
                                  std::span<const std::byte>& data) {
    const std::uint16_t block = header_at<Be16>(rest)->host();
    const std::span<const std::byte> bytes = rest.subspan(sizeof(Be16));
    if (block != expected_) {
        // One number on either side is what a repetition or a delay makes; more is nonsense.
        return static_cast<std::uint16_t>(expected_ - block) <= 1U ? Event::duplicate
                                                                   : Event::malformed;
    }
    if (bytes.size() > block_size_) return Event::malformed;
    if (bytes_ + bytes.size() > bytes_max_) {
        return fail(TftpError::too_big, kDiskFull, "too big");
    }
    begun_ = true;
    data = bytes;
    bytes_ += bytes.size();
    ++expected_;  // a file of more than 65,535 blocks goes on at 0
    acknowledge(block);
    return bytes.size() < block_size_ ? Event::finished : Event::data;
}

bool TftpGet::take_option(std::string_view name, std::string_view value) {
    std::uint64_t number = 0;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc{} || stop != end) return false;
    if (same(name, "blksize")) {
        if (number < 8 || number > kTftpBlockWanted) return false;
        block_size_ = static_cast<std::uint16_t>(number);
        return true;
    }
    size_ = number;
    return same(name, "tsize");
}

TftpGet::Event TftpGet::take_options(std::span<const std::byte> rest) {
    if (begun_) return expected_ == 1 ? Event::duplicate : Event::malformed;
    while (!rest.empty()) {
        const auto name = take_text(rest);
        const auto value = name ? take_text(rest) : std::nullopt;
        if (!value) return Event::malformed;
        if (!take_option(*name, *value)) {
            return fail(TftpError::bad_option, kBadOption, "not asked for");
        }
    }
    if (size_ > bytes_max_) return fail(TftpError::too_big, kDiskFull, "too big");
    begun_ = true;
    acknowledge(0);
    return Event::options;
}

TftpGet::Event TftpGet::take_error(std::span<const std::byte> rest) {
    error_ = TftpError::refused;
    text_size_ = 0;
    for (const std::byte b : rest.subspan(sizeof(Be16))) {
        const char c = static_cast<char>(b);
        if (c == 0 || text_size_ == text_.size()) break;
        text_[text_size_++] = c >= ' ' && c <= '~' ? c : '?';
    }
    static_cast<void>(kIllegal);
    return Event::refused;
}

}  // namespace kyu::net
