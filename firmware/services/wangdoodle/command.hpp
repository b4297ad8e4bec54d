// Command: one line of wangdoodle, parsed once.
//
// Rules     Pure. What does not parse is Verb::unknown and answered with ERR; there is no state
//           between lines.
#pragma once

#include <cstdint>
#include <string_view>

namespace kyu::wangdoodle {

enum class Verb : std::uint8_t { nothing, stat, rand, uni, big, lots, gen, sink, quit, unknown };

struct Command {
    Verb verb{Verb::unknown};
    std::uint64_t seed{};         ///< gen, sink
    std::uint64_t bytes{};        ///< lots, gen, sink
    std::uint32_t chunk_bytes{};  ///< gen: size of each write
};

inline constexpr std::uint64_t kStreamMax = 1ULL << 40U;  ///< bytes in one lots, gen or sink
inline constexpr std::uint32_t kChunkMax = 1U << 20U;     ///< bytes in one write of gen
inline constexpr std::uint32_t kChunkDefault = 2048;

/// stat | rand | uni | big | lots [N] | gen SEED BYTES [CHUNK] | sink SEED BYTES | q...
[[nodiscard]] Command parse_command(std::string_view line);

}  // namespace kyu::wangdoodle
