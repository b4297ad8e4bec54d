// What single instructions do to the stack: as much of it as the edges of functions need.
//
// Rules     Pure. Knows what GCC and the assembly here write, in A32 and in T32; everything else
//           does `nothing`, unless it leaves straight-line code or changes sp in another way.
// Source    ARM ARM DDI 0406C, A5 and A6 (encodings), A8.8 (instructions); A6.3.2 (immediates).
#pragma once

#include <cstdint>

namespace kyu::ehabi {

constexpr unsigned kSp = 13;
constexpr unsigned kLr = 14;
constexpr unsigned kPc = 15;

enum class Does : std::uint8_t {
    nothing,
    push,        ///< sp goes down by `amount`, the registers of `mask` are stored from there on
    pop,         ///< the registers of `mask` are loaded from sp on, sp goes up by `amount`
    take,        ///< sp goes down by `amount`
    give,        ///< sp goes up by `amount`
    set_fp,      ///< the frame pointer is this function's from here on
    move_fp,     ///< the frame pointer goes up by `amount`
    sp_from_fp,  ///< sp is the frame pointer plus `amount`
    bx_lr,       ///< the return of a function that has no frame, or none any more
    leave,       ///< another way out of straight-line code, unconditional
    change_sp,   ///< what becomes of sp is not understood
    condition,   ///< T32's IT: the next `amount` instructions are conditional
};

struct Act {
    Does does{Does::nothing};
    std::uint8_t bytes{4};  ///< of the instruction
    std::uint32_t mask{};
    std::uint32_t amount{};
};

/// The frame pointer of code in this state.
constexpr unsigned fp_of(bool thumb) { return thumb ? 7 : 11; }

[[nodiscard]] Act decode_arm(std::uint32_t code);
/// `first` is the instruction's first half word; `second` counts when it has one.
[[nodiscard]] Act decode_thumb(std::uint32_t first, std::uint32_t second);

}  // namespace kyu::ehabi
