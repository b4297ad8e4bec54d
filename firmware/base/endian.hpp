// Be16, Be32: numbers as they lie on the wire.
//
// Rules     Byte arrays with alignment 1, so that a header struct may be laid over any byte of a
//           packet. They never convert by themselves: host() reads, a constructor writes.
// Context   any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kyu {

/// A 16-bit number in network byte order.
class Be16 {
    std::array<std::uint8_t, 2> b_{};

public:
    constexpr Be16() = default;
    constexpr explicit Be16(std::uint16_t host)
        : b_{static_cast<std::uint8_t>(host >> 8U), static_cast<std::uint8_t>(host)} {}
    [[nodiscard]] constexpr std::uint16_t host() const {
        return static_cast<std::uint16_t>((unsigned{b_[0]} << 8U) | b_[1]);
    }
    friend constexpr bool operator==(Be16, Be16) = default;
};

/// A 32-bit number in network byte order.
class Be32 {
    std::array<std::uint8_t, 4> b_{};

public:
    constexpr Be32() = default;
    constexpr explicit Be32(std::uint32_t host)
        : b_{static_cast<std::uint8_t>(host >> 24U), static_cast<std::uint8_t>(host >> 16U),
             static_cast<std::uint8_t>(host >> 8U), static_cast<std::uint8_t>(host)} {}
    [[nodiscard]] constexpr std::uint32_t host() const {
        return (std::uint32_t{b_[0]} << 24U) | (std::uint32_t{b_[1]} << 16U) |
               (std::uint32_t{b_[2]} << 8U) | b_[3];
    }
    friend constexpr bool operator==(Be32, Be32) = default;
};

static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);
static_assert(Be32{0x01020304U}.host() == 0x01020304U);

}  // namespace kyu
