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
    Row{"panic-in-panic", Kind::panic_in_panic, false},
    Row{"panic-in-irq", Kind::panic_in_irq, false},
    Row{"null-read", Kind::null_read, false},
    Row{"null-write", Kind::null_write, false},
    Row{"null-call", Kind::null_call, false},
    Row{"write-text", Kind::write_text, false},
    Row{"run-data", Kind::run_data, false},
    Row{"undefined", Kind::undefined, false},
    Row{"misaligned", Kind::misaligned, false},
    Row{"divide", Kind::divide, false},
    Row{"overflow-recursion", Kind::overflow_recursion, false},
    Row{"overflow-frame", Kind::overflow_frame, false},
    Row{"abba", Kind::abba, false},
    Row{"lock-order", Kind::lock_order, false},
    Row{"self-deadlock", Kind::self_deadlock, false},
    Row{"hold-and-wait", Kind::hold_and_wait, false},
    Row{"foreign-unlock", Kind::foreign_unlock, false},
    Row{"missed-wakeup", Kind::missed_wakeup, false},
    Row{"never-posted", Kind::never_posted, false},
    Row{"spin-irq-on", Kind::spin_irq_on, false},
    Row{"spin-irq-off", Kind::spin_irq_off, false},
    Row{"spin-all-off", Kind::spin_all_off, false},
    Row{"irq-stuck", Kind::irq_stuck, false},
    Row{"irq-storm", Kind::irq_storm, false},
    Row{"pool-overrun", Kind::pool_overrun, false},
    Row{"use-after-free", Kind::use_after_free, false},
    Row{"leak", Kind::leak, false},
    Row{"mute", Kind::mute, false},
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
