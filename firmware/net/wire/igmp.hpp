// IGMP messages (RFC 2236 §2).
//
// Context   any. Pure.
#pragma once

#include "base/endian.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

struct IgmpMessage {
    static constexpr std::uint8_t kQuery = 0x11;
    static constexpr std::uint8_t kReport1 = 0x12;
    static constexpr std::uint8_t kReport2 = 0x16;
    static constexpr std::uint8_t kLeave = 0x17;
    static constexpr std::uint8_t kReport3 = 0x22;

    std::uint8_t type;
    std::uint8_t max_response;  ///< tenths of a second; 0 from a router of version 1
    Be16 checksum;
    Be32 group;
};
static_assert(sizeof(IgmpMessage) == 8 && alignof(IgmpMessage) == 1);

}  // namespace kyu::net
