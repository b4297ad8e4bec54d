// Boot arguments: what the rig, U-Boot or a person wants of this boot.
//
// Format    NUL-ended ASCII in one 4 KiB page, beginning with "KYUARGS1 ", then KEY=VALUE words
//           separated by blanks. A value holds no blank. Anything else in the page means that there
//           are no arguments: after power-on it holds whatever was there.
// Context   boot; pure.
// Limits    The page is untrusted: it may be binary, without an end, or over-long. Control
//           characters end the arguments like a NUL does.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace kyu::board {

inline constexpr std::string_view kBootArgsMark = "KYUARGS1 ";

/// The arguments in `page`, without the mark; empty when there are none. Never longer than the
/// page.
[[nodiscard]] std::string_view find_boot_args(std::span<const char> page);

/// The value of `key`; empty when it is missing, and when it is there without a value. Of repeated
/// keys the last counts, so that arguments may be overridden by appending.
[[nodiscard]] std::string_view boot_arg(std::string_view args, std::string_view key);

/// Whether `key` is there, with a value or alone.
[[nodiscard]] bool has_boot_arg(std::string_view args, std::string_view key);

}  // namespace kyu::board
