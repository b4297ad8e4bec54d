#include "services/shell/shell.hpp"

#include <charconv>

namespace kyu {
namespace {

constexpr std::size_t kLineMax = 128;
constexpr std::size_t kWordsMax = 8;

using Group = std::span<const ShellCommand> (*)();
constexpr std::array<Group, 7> kGroups{thread_commands, memory_commands,     net_commands,
                                       client_commands, tcp_client_commands, board_commands,
                                       test_commands};

void help(ThreadContext& self, ShellParts& parts) {
    for (const Group group : kGroups) {
        for (const ShellCommand& command : group()) {
            parts.console.print(self, "{:<3} {:<9}{:<14} {}\n", command.short_name, command.name,
                                command.arguments, command.help);
        }
    }
    parts.console.print(self, "h   help                    this list\n");
}

}  // namespace

std::optional<std::uint32_t> parse_u32(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        base = 16;
    }
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

void Shell::run(ThreadContext& self) {
    std::array<char, kLineMax> line{};
    for (;;) {
        parts_.console.write(self, kPrompt);
        const LineRead read = parts_.console.read_line(self, line, Instant::never());
        if (read.outcome == LineRead::Outcome::line) execute(self, {line.data(), read.size});
    }
}

void Shell::execute(ThreadContext& self, std::string_view line) {
    std::array<std::string_view, kWordsMax> words{};
    std::size_t count = 0;
    for (;;) {
        const std::size_t start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos) break;
        if (count == kWordsMax) {
            return parts_.console.print(self, "more than {} words\n", kWordsMax);
        }
        line.remove_prefix(start);
        const std::size_t end = line.find_first_of(" \t");
        words[count++] = line.substr(0, end);
        if (end == std::string_view::npos) break;
        line.remove_prefix(end);
    }
    if (count == 0) return;
    if (words[0] == "h" || words[0] == "help") return help(self, parts_);
    for (const Group group : kGroups) {
        for (const ShellCommand& command : group()) {
            if (words[0] != command.name && words[0] != command.short_name) continue;
            return command.run(self, parts_, std::span(words).subspan(1, count - 1));
        }
    }
    parts_.console.print(self, "{}: no such command; h lists them\n", words[0]);
}

}  // namespace kyu
