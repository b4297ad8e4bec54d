#include "base/text.hpp"

#include <algorithm>

namespace kyu {
namespace {

struct Spec {
    char align = 0;  // '<', '>' or 0 for the type's own side
    char fill = ' ';
    std::size_t width = 0;
    unsigned radix = 10;
};

constexpr std::size_t kWidthMax = 120;  // a wild width must not flood a serial line
constexpr std::size_t kDigitsMax = 20;  // 2^64 - 1 in decimal

Spec parse_spec(std::string_view text) {
    Spec spec;
    std::size_t i = 0;
    if (i < text.size() && (text[i] == '<' || text[i] == '>')) spec.align = text[i++];
    if (i < text.size() && text[i] == '0') {
        spec.fill = '0';
        ++i;
    }
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
        const auto digit = static_cast<std::size_t>(text[i] - '0');
        spec.width = std::min<std::size_t>(spec.width * 10 + digit, kWidthMax);
    }
    if (i < text.size() && text[i] == 'x') spec.radix = 16;
    return spec;
}

void put_repeated(TextSink& sink, char c, std::size_t count) {
    for (; count > 0; --count) sink.put({&c, 1});
}

void put_padded(TextSink& sink, std::string_view body, const Spec& spec, bool right) {
    const std::size_t pad = spec.width > body.size() ? spec.width - body.size() : 0;
    if (right) put_repeated(sink, spec.fill, pad);
    sink.put(body);
    if (!right) put_repeated(sink, ' ', pad);
}

void put_number(TextSink& sink, std::uint64_t value, bool negative, Spec spec) {
    std::array<char, kDigitsMax> digits{};
    std::size_t at = digits.size();
    do {
        digits[--at] = "0123456789abcdef"[value % spec.radix];
        value /= spec.radix;
    } while (value != 0);
    const std::string_view body{digits.data() + at, digits.size() - at};
    if (!negative) return put_padded(sink, body, spec, spec.align != '<');
    if (spec.width > 0) --spec.width;
    if (spec.fill == '0') {
        sink.put("-");
        return put_padded(sink, body, spec, true);
    }
    std::array<char, kDigitsMax + 1> with_sign{'-'};
    std::copy(body.begin(), body.end(), with_sign.begin() + 1);
    ++spec.width;
    put_padded(sink, {with_sign.data(), body.size() + 1}, spec, spec.align != '<');
}

void put_argument(TextSink& sink, const TextArg& arg, const Spec& spec) {
    switch (arg.kind()) {
        case TextArg::Kind::signed_number: {
            const auto value = static_cast<std::int64_t>(arg.number());
            const bool negative = value < 0;
            return put_number(sink, negative ? 0 - arg.number() : arg.number(), negative, spec);
        }
        case TextArg::Kind::unsigned_number: return put_number(sink, arg.number(), false, spec);
        case TextArg::Kind::text: return put_padded(sink, arg.text(), spec, spec.align == '>');
        case TextArg::Kind::character: {
            const char c = static_cast<char>(arg.number());
            return put_padded(sink, {&c, 1}, spec, spec.align == '>');
        }
        case TextArg::Kind::boolean:
            return put_padded(sink, arg.number() != 0 ? "yes" : "no", spec, spec.align == '>');
    }
}

}  // namespace

void format_to(TextSink& sink, std::string_view format, std::span<const TextArg> args) {
    std::size_t next = 0;
    while (!format.empty()) {
        const std::size_t brace = format.find_first_of("{}");
        sink.put(format.substr(0, brace));
        if (brace == std::string_view::npos) return;
        format.remove_prefix(brace);
        if (format.size() >= 2 && format[0] == format[1]) {
            sink.put(format.substr(0, 1));
            format.remove_prefix(2);
            continue;
        }
        const std::size_t close = format.find('}');
        if (format[0] == '}' || close == std::string_view::npos) return sink.put(format);
        std::string_view inside = format.substr(1, close - 1);
        if (!inside.empty() && inside[0] == ':') inside.remove_prefix(1);
        if (next < args.size()) {
            put_argument(sink, args[next++], parse_spec(inside));
        } else {
            sink.put("{?}");
        }
        format.remove_prefix(close + 1);
    }
}

}  // namespace kyu
