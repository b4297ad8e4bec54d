// shell: a person, or a cat, at the serial console of a simulated board.
//
// Format    the bytes are typed as they are, a line at a time.
// Rules     nothing that is typed stops the board, and each line ends in a prompt, at the latest an
//           hour after ctrl-C. What is asked to block or kill threads is passed over: it is told to
//           make the board silent.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "apps/fuzz/input.hpp"
#include "apps/fuzz/target.hpp"
#include "apps/simserver/sim_board.hpp"

namespace kyu::fuzz {
namespace {

constexpr std::size_t kLinesMax = 8;

[[noreturn]] void fail(const char* why, const app::SimBoard& board, const std::string& text) {
    std::fprintf(stderr, "%s at %s\n%s\n", why, board.name().c_str(), text.c_str());
    std::abort();
}

/// Whether the first word is a command that takes threads away.
bool takes_threads(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) return false;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    return word == "v" || word == "kill" || word == "block";
}

void run_for(app::SimBoard& board, Duration duration) {
    board.run_until(board.machine().now() + duration);
    if (board.crashed()) fail("crashed", board, board.machine().console_text());
}

void type_line(app::SimBoard& board, std::string_view text) {
    if (takes_threads(text)) return;
    board.type(std::string{text} + "\r");
    run_for(board, Duration::from_s(20));
    board.type("\x03");
    run_for(board, Duration::from_s(3600));
    const std::string& console = board.machine().console_text();
    if (!console.ends_with(kPrompt)) fail("no prompt", board, console);
}

}  // namespace

void shell(std::span<const std::uint8_t> bytes) {
    const auto made = std::make_unique<app::SimBoard>(app::SimBoardConfig{});
    app::SimBoard& board = *made;
    run_for(board, Duration::from_s(2));
    const Exact exact{bytes};
    std::string_view text = exact.text();
    for (std::size_t i = 0; i < kLinesMax && !text.empty(); ++i) {
        const std::size_t end = text.find_first_of("\r\n");
        type_line(board, text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

}  // namespace kyu::fuzz
