#include "kernel/frame_line.hpp"

#include <algorithm>

namespace kyu {
namespace {

constexpr bool printable(char c) { return c >= 0x20 && c <= 0x7E; }

constexpr bool may_stand_bare(char c) {
    return printable(c) && c != ' ' && c != '"' && c != '\\' && c != '*';
}

}  // namespace

std::uint16_t crc16(std::string_view bytes, std::uint16_t start) {
    unsigned crc = start;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
        }
        crc &= 0xFFFFU;
    }
    return static_cast<std::uint16_t>(crc);
}

FrameLine::FrameLine(TextSink& sink, std::string_view kind) : sink_(sink) {
    emit("@kyu ");
    emit(kind);
}

FrameLine::~FrameLine() {
    // The sum is over what stands before the blank, so the end goes past emit().
    print(sink_, " *");
    for (unsigned shift = 16; shift > 0;) {
        shift -= 4;
        sink_.put(std::string_view{"0123456789ABCDEF"}.substr((unsigned{crc_} >> shift) & 0xFU, 1));
    }
    sink_.put("\r\n");
}

void FrameLine::emit(std::string_view text) {
    crc_ = crc16(text, crc_);
    sink_.put(text);
}

void FrameLine::key(std::string_view name) {
    emit(" ");
    emit(name);
    emit("=");
}

void FrameLine::quoted(std::string_view value) {
    emit("\"");
    while (!value.empty()) {
        const auto plain = static_cast<std::size_t>(
            std::find_if(value.begin(), value.end(),
                         [](char c) { return !printable(c) || c == '"' || c == '\\'; }) -
            value.begin());
        emit(value.substr(0, plain));
        value.remove_prefix(plain);
        if (value.empty()) break;
        const char c = value.front();
        if (printable(c)) {
            emit("\\");
            emit({&c, 1});
        } else {
            TextBuffer<4> escape;
            print(escape, "\\x{:02x}", static_cast<unsigned char>(c));
            emit(escape.view());
        }
        value.remove_prefix(1);
    }
    emit("\"");
}

FrameLine& FrameLine::word(std::string_view name, std::string_view value) {
    if (value.empty() || !std::all_of(value.begin(), value.end(), may_stand_bare)) {
        return text(name, value);
    }
    key(name);
    emit(value);
    return *this;
}

FrameLine& FrameLine::text(std::string_view name, std::string_view value) {
    key(name);
    quoted(value);
    return *this;
}

FrameLine& FrameLine::number(std::string_view name, std::uint64_t value) {
    return field(name, "{}", value);
}

FrameLine& FrameLine::hex(std::string_view name, std::uint64_t value) {
    return field(name, "0x{:08x}", value);
}

}  // namespace kyu
