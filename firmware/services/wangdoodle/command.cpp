#include "services/wangdoodle/command.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace kyu::wangdoodle {
namespace {

// More words than any command has, so that a surplus one is seen.
constexpr std::size_t kWordsMax = 5;

struct Words {
    std::array<std::string_view, kWordsMax> word{};
    std::size_t count{0};
};

Words split(std::string_view line) {
    Words words;
    while (words.count < kWordsMax) {
        const std::size_t start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos) break;
        line.remove_prefix(start);
        const std::size_t end = line.find_first_of(" \t");
        words.word[words.count++] = line.substr(0, end);
        if (end == std::string_view::npos) break;
        line.remove_prefix(end);
    }
    return words;
}

bool number(std::string_view word, std::uint64_t max, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
    return error == std::errc{} && end == word.data() + word.size() && out <= max;
}

Command parse_lots(const Words& words) {
    Command command{.verb = Verb::lots};
    if (words.count == 2 && !number(words.word[1], kStreamMax, command.bytes)) return {};
    return command;
}

Command parse_gen(const Words& words) {
    Command command{.verb = Verb::gen, .chunk_bytes = kChunkDefault};
    if (!number(words.word[1], UINT64_MAX, command.seed)) return {};
    if (!number(words.word[2], kStreamMax, command.bytes)) return {};
    if (words.count == 4) {
        std::uint64_t chunk = 0;
        if (!number(words.word[3], kChunkMax, chunk) || chunk == 0) return {};
        command.chunk_bytes = static_cast<std::uint32_t>(chunk);
    }
    return command;
}

Command parse_sink(const Words& words) {
    Command command{.verb = Verb::sink};
    if (!number(words.word[1], UINT64_MAX, command.seed)) return {};
    if (!number(words.word[2], kStreamMax, command.bytes)) return {};
    return command;
}

}  // namespace

Command parse_command(std::string_view line) {
    const Words words = split(line);
    if (words.count == 0) return {.verb = Verb::nothing};
    const std::string_view verb = words.word[0];
    if (verb[0] == 'q') return {.verb = Verb::quit};
    if (words.count == 1) {
        if (verb == "stat") return {.verb = Verb::stat};
        if (verb == "rand") return {.verb = Verb::rand};
        if (verb == "uni") return {.verb = Verb::uni};
        if (verb == "big") return {.verb = Verb::big};
    }
    if (verb == "lots" && words.count <= 2) return parse_lots(words);
    if (verb == "gen" && (words.count == 3 || words.count == 4)) return parse_gen(words);
    if (verb == "sink" && words.count == 3) return parse_sink(words);
    return {};
}

}  // namespace kyu::wangdoodle
