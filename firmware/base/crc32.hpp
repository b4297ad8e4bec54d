// Crc32: the checksum of IEEE 802.3, as zlib and cksum tools print it.
//
// Context   any. Pure. Bit by bit: for checks, not for bulk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kyu {

class Crc32 {
    std::uint32_t state_{0xFFFFFFFF};

public:
    constexpr void add(std::span<const std::byte> bytes) {
        for (const std::byte b : bytes) {
            state_ ^= static_cast<std::uint32_t>(b);
            for (int bit = 0; bit < 8; ++bit) {
                state_ = (state_ >> 1U) ^ ((state_ & 1U) != 0 ? 0xEDB88320U : 0U);
            }
        }
    }
    [[nodiscard]] constexpr std::uint32_t value() const { return ~state_; }
};

}  // namespace kyu
