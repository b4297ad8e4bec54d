// Defects as text: what the boot argument defect= may say.
//
// Context   any; pure.
#include <array>
#include <charconv>

#include "services/defects/defects.hpp"

namespace kyu::defects {
namespace {

struct Row {
    std::string_view name;
    Kind kind;
    bool takes_offset;
};

constexpr std::array kRows{
    Row{"panic", Kind::panic, false},
    Row{"spin-irq-on", Kind::spin_irq_on, false},
    Row{"spin-irq-off", Kind::spin_irq_off, false},
    Row{"abba", Kind::abba, false},
    Row{"wrong-byte", Kind::wrong_byte, true},
    Row{"cut", Kind::cut, true},
    Row{"stall", Kind::stall, true},
    Row{"reset", Kind::reset, false},
};

bool number(std::string_view text, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

// Takes what follows `mark` off `text` and reads it as a number into `out`, if the mark is there.
bool take_number_after(char mark, std::string_view& text, std::uint64_t& out) {
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos) return true;
    const std::string_view digits = text.substr(at + 1);
    text = text.substr(0, at);
    return number(digits, out);
}

}  // namespace

Defect parse(std::string_view text) {
    Defect defect;
    if (!take_number_after('@', text, defect.nth) || defect.nth == 0) return {};
    const bool has_argument = text.find(':') != std::string_view::npos;
    if (!take_number_after(':', text, defect.argument)) return {};
    for (const Row& row : kRows) {
        if (row.name != text) continue;
        if (row.takes_offset != has_argument && row.kind != Kind::panic) return {};
        defect.kind = row.kind;
        if (row.kind == Kind::panic) defect.nth += defect.argument;
        return defect;
    }
    return {};
}

std::string_view name_of(Kind kind) {
    for (const Row& row : kRows) {
        if (row.kind == kind) return row.name;
    }
    return "none";
}

}  // namespace kyu::defects
