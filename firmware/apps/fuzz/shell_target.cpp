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

/// Whether there is a number of six digits or more.
bool long_number(std::string_view text) {
    std::size_t digits = 0;
    for (const char c : text) {
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        if (digits >= 6) return true;
    }
    return false;
}

/// Whether it is a command that takes threads away, or one for gigabytes over the loopback: that
/// is done before virtual time lets anybody type ctrl-C.
bool passed_over(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) return false;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    if (word == "lots") return long_number(text) || text.find('x') != text.npos;
    return word == "v" || word == "kill" || word == "block";
}

void run_for(app::SimBoard& board, Duration duration) {
    board.run_until(board.machine().now() + duration);
    if (board.crashed()) fail("crashed", board, board.machine().console_text());
}

void type_line(app::SimBoard& board, std::string_view text) {
    if (passed_over(text)) return;
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
