// d, db, dw, di, x: look at memory, call a function.
//
// Context   the shell's thread. A dump reads memory while others write it.
// Rules     A dump asks the board about every word before it reads it: no address can fault, and no
//           device changes because somebody looked. x is the opposite of safe: it calls whatever
//           it is told, with whatever arguments (docs/shell.md).
#include <charconv>

#include "kernel/port.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

using Memory = ShellBoard::Memory;
constexpr std::uint32_t kDumpMax = 4096;
constexpr std::uint32_t kWord = 4;

/// The name of a function, or hex with or without 0x.
std::optional<std::uint32_t> parse_address(std::string_view text, const ShellBoard& board) {
    const ShellBoard::Function function = board.find_function(text);
    if (function.count != 0) return static_cast<std::uint32_t>(function.address);
    std::string_view digits = text;
    if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
    std::uint32_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

std::string_view why_not(Memory kind, bool by_words) {
    switch (kind) {
        case Memory::none: return "not mapped";
        case Memory::delicate: return "a device that may change when it is read";
        case Memory::registers: return by_words ? "" : "registers are read by words: dw";
        case Memory::ram: return "";
    }
    return "";
}

/// False: the word at `address` cannot be read, and `out` says why.
bool readable(TextSink& out, const ShellBoard& board, std::uint64_t address, bool by_words) {
    const bool is_address = address <= UINT32_MAX;
    const auto at = static_cast<std::uint32_t>(address);
    const std::string_view why =
        is_address ? why_not(board.memory_at(at), by_words) : "behind the last address";
    if (why.empty()) return true;
    print(out, "{:08x}: {}\n", at, why);
    return false;
}

void print_bytes(TextSink& out, const ShellBoard& board, std::uint32_t from, std::uint32_t count) {
    constexpr std::uint32_t kRow = 16;
    std::uint64_t at = from;
    const std::uint64_t end = at + count;
    while (at < end) {
        TextBuffer<3 * kRow> hex;
        TextBuffer<kRow> text;
        const std::uint64_t row = at;
        bool more = true;
        TextBuffer<80> why;
        for (; at < end && at < row + kRow; ++at) {
            more = readable(why, board, at & ~std::uint64_t{3}, false);
            if (!more) break;
            const std::uint32_t word = board.read_word(static_cast<std::uint32_t>(at) & ~3U);
            const auto byte = static_cast<std::uint8_t>(word >> (at % kWord * 8));
            print(hex, "{:02x} ", byte);
            const char shown = byte >= 0x20 && byte <= 0x7E ? static_cast<char>(byte) : '.';
            text.put({&shown, 1});
        }
        if (at > row) {
            print(out, "{:08x}  {:<48} {}\n", static_cast<std::uint32_t>(row), hex.view(),
                  text.view());
        }
        if (!more) return out.put(why.view());
    }
}

void print_words(TextSink& out, const ShellBoard& board, std::uint32_t from, std::uint32_t count) {
    constexpr unsigned kRow = 4;
    std::uint64_t at = from & ~3U;
    for (std::uint32_t n = 0; n < count; ++n, at += kWord) {
        TextBuffer<80> why;
        if (!readable(why, board, at, true)) {
            if (n % kRow != 0) out.put("\n");
            return out.put(why.view());
        }
        const auto address = static_cast<std::uint32_t>(at);
        if (n % kRow == 0) print(out, "{:08x} ", address);
        const bool last = n % kRow == kRow - 1 || n + 1 == count;
        print(out, " {:08x}{}", board.read_word(address), last ? "\n" : "");
    }
}

void print_instructions(TextSink& out, const ShellBoard& board, std::uint32_t from,
                        std::uint32_t count) {
    std::uint64_t at = from & ~3U;
    for (; count > 0 && readable(out, board, at, true); --count, at += kWord) {
        const auto address = static_cast<std::uint32_t>(at);
        const Symbol symbol = port::lookup(address);
        print(out, "{:08x}  {:08x}", address, board.read_word(address));
        if (!symbol.name.empty()) print(out, "  {}+{:x}", symbol.name, symbol.offset);
        out.put("\n");
    }
}

using Printer = void (*)(TextSink&, const ShellBoard&, std::uint32_t, std::uint32_t);

void dump(ThreadContext& self, ShellParts& parts, Words words, Printer print_it,
          std::uint32_t unit) {
    const auto from = words.empty() ? std::nullopt : parse_address(words[0], parts.board);
    const auto count =
        words.size() < 2 ? std::optional<std::uint32_t>{64 / unit} : parse_u32(words[1]);
    if (words.empty() || words.size() > 2 || !count || *count == 0 || *count > kDumpMax / unit) {
        return parts.console.print(self, "d ADDRESS [N]: N {} from there, 1 to {}\n",
                                   unit == 1 ? "bytes" : "words", kDumpMax / unit);
    }
    if (!from) {
        return parts.console.print(self, "{}: neither an address in hex nor a function\n",
                                   words[0]);
    }
    ConsoleSink out{parts.console, self};
    print_it(out, parts.board, *from, *count);
}

void dump_bytes(ThreadContext& self, ShellParts& parts, Words words) {
    dump(self, parts, words, print_bytes, 1);
}
void dump_words(ThreadContext& self, ShellParts& parts, Words words) {
    dump(self, parts, words, print_words, kWord);
}
void dump_instructions(ThreadContext& self, ShellParts& parts, Words words) {
    dump(self, parts, words, print_instructions, kWord);
}

/// A whole number, also a negative one.
std::optional<std::uint32_t> parse_argument(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const auto value = parse_u32(text);
    if (!value || (negative && *value > 0x8000'0000U)) return std::nullopt;
    return negative ? 0U - *value : *value;
}

void call(ThreadContext& self, ShellParts& parts, Words words) {
    constexpr std::size_t kArgumentsMax = 4;
    if (words.empty() || words.size() > 1 + kArgumentsMax) {
        return parts.console.print(self, "x FUNCTION [A B C D]: numbers, decimal or 0x\n");
    }
    std::uint32_t arguments[kArgumentsMax] = {};
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto value = parse_argument(words[i]);
        if (!value) {
            return parts.console.print(self, "{}: not a number of 32 bits\n", words[i]);
        }
        arguments[i - 1] = *value;
    }
    const ShellBoard::Function function = parts.board.find_function(words[0]);
    if (function.count == 0) {
        return parts.console.print(self, "{}: no function of that name\n", words[0]);
    }
    if (function.count > 1) {
        return parts.console.print(self, "{}: {} functions have that name; which is meant?\n",
                                   words[0], function.count);
    }
    const std::uint32_t result = parts.board.call(function.address, arguments);
    parts.console.print(self, "{} returned 0x{:08x} ({})\n", words[0], result,
                        static_cast<std::int32_t>(result));
}

}  // namespace

std::span<const ShellCommand> memory_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"dump", "d", "ADDRESS [N]", "N bytes of memory", dump_bytes},
        ShellCommand{"db", "", "ADDRESS [N]", "the same", dump_bytes},
        ShellCommand{"dw", "", "ADDRESS [N]", "N words of memory or registers", dump_words},
        ShellCommand{"di", "", "ADDRESS [N]", "N instruction words, with their functions",
                     dump_instructions},
        ShellCommand{"call", "x", "FUNC [A B C D]", "call a function: can do any damage", call},
    };
    return kCommands;
}

}  // namespace kyu
