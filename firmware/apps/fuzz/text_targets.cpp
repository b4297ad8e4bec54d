// bootargs, line: text from who knows where.
//
// Rules     a page of arguments gives a configuration that the stack can have, whatever it says;
//           lines are the same however they were cut into pieces.
#include <string>
#include <vector>

#include "apps/fuzz/input.hpp"
#include "apps/fuzz/target.hpp"
#include "apps/testserver/boot_config.hpp"
#include "base/text.hpp"
#include "board/orangepi-pc/boot_args.hpp"
#include "kernel/line_editor.hpp"
#include "services/shell/command.hpp"
#include "services/wangdoodle/command.hpp"
#include "services/wangdoodle/line.hpp"

namespace kyu::fuzz {
namespace {

void expect_sane(const app::BootConfig& config) {
    CHECK(config.net.prefix_bits <= 32);
    CHECK(!config.mac || (!config.mac->is_group() && *config.mac != net::MacAddress{}));
    CHECK(config.watchdog.hardware_s >= 1 && config.watchdog.hardware_s <= 16);
}

void assemble(std::string_view text) {
    using Event = wangdoodle::LineAssembler::Event;
    wangdoodle::LineAssembler lines;
    std::size_t since = 0;  // where the present line begins
    for (std::size_t i = 0; i < text.size(); ++i) {
        const Event event = lines.push(text[i]);
        CHECK((event != Event::none) == (text[i] == '\n'));
        if (event == Event::line) {
            std::string_view want = text.substr(since, i - since);
            while (want.ends_with('\r')) want.remove_suffix(1);
            CHECK(lines.line() == want);
            const auto command = wangdoodle::parse_command(lines.line());
            CHECK(command.bytes <= wangdoodle::kStreamMax);
            CHECK(command.chunk_bytes <= wangdoodle::kChunkMax);
        }
        if (event == Event::too_long) CHECK(i - since > wangdoodle::kLineMax);
        if (event != Event::none) since = i + 1;
    }
}

void edit(std::string_view text) {
    std::array<char, 40> line{};
    std::vector<char> sized(line.size());
    LineEditor editor;
    editor.begin(sized);
    TextBuffer<64> echo;
    for (const char c : text) {
        echo.clear();
        const auto outcome = editor.feed(c, echo);
        CHECK(editor.size() <= sized.size());
        touch(std::as_bytes(std::span{echo.view()}));
        if (outcome != LineEditor::Outcome::more) editor.begin(sized);
    }
}

}  // namespace

void bootargs(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    const bool marked = (in.u8() & 1U) != 0;
    std::vector<std::uint8_t> page;
    if (marked) page.assign(board::kBootArgsMark.begin(), board::kBootArgsMark.end());
    const auto rest = in.take(4096 - page.size());
    page.insert(page.end(), rest.begin(), rest.end());
    const Exact exact{page};
    const std::string_view args = board::find_boot_args(exact.text());
    TextBuffer<512> complaints;
    expect_sane(app::read_boot_config(args, complaints));
    touch(std::as_bytes(std::span{complaints.view()}));
    touch(std::as_bytes(std::span{board::boot_arg(args, "ip")}));
    static_cast<void>(defects::parse(args));
}

void line(std::span<const std::uint8_t> bytes) {
    const Exact exact{bytes};
    const std::string_view text = exact.text();
    assemble(text);
    edit(text);
    static_cast<void>(parse_u32(text));
    static_cast<void>(net::parse_ipv4(text));
    const auto mac = app::parse_mac(text);
    CHECK(!mac || !mac->is_group());
}

}  // namespace kyu::fuzz
