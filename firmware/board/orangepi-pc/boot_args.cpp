#include "board/orangepi-pc/boot_args.hpp"

#include <algorithm>

namespace kyu::board {
namespace {

bool ends_arguments(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

struct Found {
    bool present{false};
    std::string_view value{};
};

Found find(std::string_view args, std::string_view key) {
    Found found;
    while (!args.empty() && !key.empty()) {
        const std::size_t end = std::min(args.find(' '), args.size());
        const std::string_view word = args.substr(0, end);
        args.remove_prefix(std::min(end + 1, args.size()));
        if (!word.starts_with(key)) continue;
        const std::string_view rest = word.substr(key.size());
        if (rest.empty()) found = {true, {}};
        if (rest.starts_with('=')) found = {true, rest.substr(1)};
    }
    return found;
}

}  // namespace

std::string_view find_boot_args(std::span<const char> page) {
    const std::string_view all{page.data(), page.size()};
    if (!all.starts_with(kBootArgsMark)) return {};
    const std::string_view args = all.substr(kBootArgsMark.size());
    const auto end = std::find_if(args.begin(), args.end(), ends_arguments);
    return args.substr(0, static_cast<std::size_t>(end - args.begin()));
}

std::string_view boot_arg(std::string_view args, std::string_view key) {
    return find(args, key).value;
}

bool has_boot_arg(std::string_view args, std::string_view key) { return find(args, key).present; }

}  // namespace kyu::board
