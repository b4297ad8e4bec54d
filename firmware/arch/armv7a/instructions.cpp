#include "arch/armv7a/instructions.hpp"

#include <bit>

namespace kyu::ehabi {
namespace {

constexpr bool is(std::uint32_t code, std::uint32_t mask, std::uint32_t value) {
    return (code & mask) == value;
}

constexpr Act many(Does does, std::uint32_t mask, unsigned bytes) {
    return {does, static_cast<std::uint8_t>(bytes), mask,
            4U * static_cast<std::uint32_t>(std::popcount(mask))};
}

// ---- A32, condition "always" -------------------------------------------------------------------

/// The value of a "modified immediate": eight bits, rotated.
constexpr std::uint32_t immediate(std::uint32_t c) {
    return std::rotr(c & 0xFFU, static_cast<int>((c >> 8U & 15U) * 2));
}
constexpr std::uint32_t offset_12(std::uint32_t c) { return c & 0xFFFU; }
constexpr std::uint32_t offset_8(std::uint32_t c) { return (c >> 4U & 0xF0U) | (c & 15U); }
constexpr unsigned target(std::uint32_t c) { return c >> 12U & 15U; }

constexpr bool leaves(std::uint32_t c) {
    const bool branch = is(c, 0xFF00'0000, 0xEA00'0000) || is(c, 0xFFFF'FFF0, 0xE12F'FF10);
    const bool load_pc = is(c, 0xFE10'8000, 0xE810'8000) || is(c, 0xFC10'F000, 0xE410'F000);
    const bool compute_pc = is(c, 0xFDE0'F000, 0xE1A0'F000);
    return branch || load_pc || compute_pc;
}
/// Data processing, any condition, with sp as its result.
constexpr bool changes_sp(std::uint32_t c) {
    return is(c, 0x0C00'F000, 0x0000'D000) && !is(c, 0x0180'0000, 0x0100'0000);
}

constexpr Act arm(std::uint32_t c) {
    switch (c & 0xFFFF'0000U) {
        case 0xE92D'0000: return many(Does::push, c & 0xFFFFU, 4);
        case 0xE8BD'0000: return many(Does::pop, c & 0xFFFFU, 4);
        case 0xE52D'0000: return {Does::push, 4, 1U << target(c), offset_12(c)};
        case 0xE49D'0000: return {Does::pop, 4, 1U << target(c), offset_12(c)};
        default: break;
    }
    if (is(c, 0xFFFF'00F0, 0xE16D'00F0)) return {Does::push, 4, 3U << target(c), offset_8(c)};
    if (is(c, 0xFFFF'00F0, 0xE0CD'00D0)) return {Does::pop, 4, 3U << target(c), offset_8(c)};
    switch (c & 0xFFFF'F000U) {
        case 0xE24D'D000: return {Does::take, 4, 0, immediate(c)};
        case 0xE28D'D000: return {Does::give, 4, 0, immediate(c)};
        case 0xE28D'B000: return {Does::set_fp};
        case 0xE24B'D000: return {Does::sp_from_fp, 4, 0, 0U - immediate(c)};
        case 0xE28B'D000: return {Does::sp_from_fp, 4, 0, immediate(c)};
        default: break;
    }
    switch (c) {
        case 0xE1A0'B00D: return {Does::set_fp};      // mov fp, sp
        case 0xE1A0'D00B: return {Does::sp_from_fp};  // mov sp, fp
        case 0xE12F'FF1E: return {Does::bx_lr};
        default: break;
    }
    if (leaves(c)) return {Does::leave};
    return {changes_sp(c) ? Does::change_sp : Does::nothing};
}

static_assert(arm(0xE92D'4FF0).amount == 36 && arm(0xE8BD'8FF0).does == Does::pop);
static_assert(arm(0xE52D'B004).mask == 1U << 11U && arm(0xE49D'F004).mask == 1U << kPc);
static_assert(arm(0xE24D'D0DC).amount == 0xDC && arm(0xE24D'DB01).amount == 1024);
static_assert(arm(0xE28D'B020).does == Does::set_fp && arm(0xE24B'D020).amount == 0U - 32U);
static_assert(arm(0xE04D'D00C).does == Does::change_sp);
static_assert(arm(0xE352'D000).does == Does::nothing);

// ---- T32, 16 bits ------------------------------------------------------------------------------

constexpr std::uint32_t list(std::uint32_t h, unsigned ninth) {
    return (h & 0xFFU) | (h >> 8U & 1U) << ninth;
}

constexpr Act narrow(std::uint32_t h) {
    if (is(h, 0xFE00, 0xB400)) return many(Does::push, list(h, kLr), 2);
    if (is(h, 0xFE00, 0xBC00)) return many(Does::pop, list(h, kPc), 2);
    if (is(h, 0xFF80, 0xB080)) return {Does::take, 2, 0, (h & 0x7FU) * 4};
    if (is(h, 0xFF80, 0xB000)) return {Does::give, 2, 0, (h & 0x7FU) * 4};
    if (is(h, 0xFF00, 0xAF00) || h == 0x466F) return {Does::set_fp, 2};  // add r7, sp, #…; mov
    if (is(h, 0xFF00, 0x3700)) return {Does::move_fp, 2, 0, h & 0xFFU};  // adds r7, #…
    if (h == 0x46BD) return {Does::sp_from_fp, 2};
    if (h == 0x4770) return {Does::bx_lr, 2};
    if (is(h, 0xFF00, 0xBF00) && (h & 15U) != 0) {
        return {Does::condition, 2, 0, 4U - static_cast<std::uint32_t>(std::countr_zero(h & 15U))};
    }
    const bool to_pc = is(h, 0xFF87, 0x4487) || is(h, 0xFF87, 0x4687);
    if (is(h, 0xF800, 0xE000) || is(h, 0xFF87, 0x4700) || to_pc) return {Does::leave, 2};
    const bool to_sp = is(h, 0xFF87, 0x4485) || is(h, 0xFF87, 0x4685);
    return {to_sp ? Does::change_sp : Does::nothing, 2};
}

static_assert(narrow(0xB5F8).amount == 24 && narrow(0xB5F8).mask == (0xF8U | 1U << kLr));
static_assert(narrow(0xBDF8).mask == (0xF8U | 1U << kPc) && narrow(0xB084).amount == 16);
static_assert(narrow(0xBF08).amount == 1 && narrow(0xBF01).amount == 4);
static_assert(narrow(0xBF00).does == Does::nothing);
static_assert(narrow(0xE7FE).does == Does::leave && narrow(0xD1FE).does == Does::nothing);

// ---- T32, 32 bits ------------------------------------------------------------------------------

/// The eight bits of a "modified immediate", spread or rotated as its upper bits say.
constexpr std::uint32_t spread(std::uint32_t imm12) {
    const std::uint32_t eight = imm12 & 0xFFU;
    switch (imm12 >> 8U) {
        case 0: return eight;
        case 1: return eight * 0x0001'0001U;
        case 2: return eight * 0x0100'0100U;
        case 3: return eight * 0x0101'0101U;
        default: return std::rotr((eight & 0x7FU) | 0x80U, static_cast<int>(imm12 >> 7U));
    }
}
constexpr std::uint32_t imm12_of(std::uint32_t h, std::uint32_t h2) {
    return (h >> 10U & 1U) << 11U | (h2 >> 12U & 7U) << 8U | (h2 & 0xFFU);
}

/// Additions and subtractions of a constant, and all else that has sp as its result.
constexpr Act wide_sum(std::uint32_t h, std::uint32_t h2) {
    const bool plain = is(h2, 0x8000, 0);
    const std::uint32_t to = h2 >> 8U & 15U;
    const std::uint32_t imm12 = imm12_of(h, h2);
    if (plain && (to == kSp || to == fp_of(true))) {
        const bool is_sp = to == kSp;
        switch (h & 0xFBFFU) {
            case 0xF1AD: return {is_sp ? Does::take : Does::nothing, 4, 0, spread(imm12)};
            case 0xF2AD: return {is_sp ? Does::take : Does::nothing, 4, 0, imm12};
            case 0xF10D: return {is_sp ? Does::give : Does::set_fp, 4, 0, spread(imm12)};
            case 0xF20D: return {is_sp ? Does::give : Does::set_fp, 4, 0, imm12};
            case 0xF107: return {is_sp ? Does::change_sp : Does::move_fp, 4, 0, spread(imm12)};
            default: break;
        }
    }
    const bool computes = is(h, 0xFE00, 0xEA00) || (is(h, 0xF800, 0xF000) && plain);
    return {computes && to == kSp ? Does::change_sp : Does::nothing};
}

constexpr Act wide(std::uint32_t h, std::uint32_t h2) {
    const unsigned one = h2 >> 12U;
    const unsigned two = h2 >> 8U & 15U;
    switch (h) {
        case 0xE92D: return many(Does::push, h2, 4);
        case 0xE8BD: return many(Does::pop, h2, 4);
        case 0xF84D:
            if (two == 0xD) return {Does::push, 4, 1U << one, h2 & 0xFFU};
            break;
        case 0xF85D:
            if (two == 0xB) return {Does::pop, 4, 1U << one, h2 & 0xFFU};
            break;
        case 0xE96D:
        case 0xE8FD:
            if (one > two) return {Does::change_sp};
            return {h == 0xE96D ? Does::push : Does::pop, 4, 1U << one | 1U << two,
                    (h2 & 0xFFU) * 4};
        default: break;
    }
    const bool branch = is(h, 0xF800, 0xF000) && is(h2, 0xD000, 0x9000);
    const bool table = is(h, 0xFFF0, 0xE8D0) && is(h2, 0xFFE0, 0xF000);
    const bool load_pc = is(h, 0xFF70, 0xF850) && one == kPc;
    const bool load_many = is(h, 0xFE50, 0xE810) && is(h2, 0x8000, 0x8000);
    if (branch || table || load_pc || load_many) return {Does::leave};
    return wide_sum(h, h2);
}

static_assert(wide(0xE92D, 0x4FF0).amount == 36 && wide(0xE8BD, 0x8FF0).does == Does::pop);
static_assert(wide(0xF84D, 0xED04).mask == 1U << kLr && wide(0xF85D, 0xFB14).amount == 20);
static_assert(wide(0xE96D, 0x4504).mask == 0x30 && wide(0xE8FD, 0x4504).amount == 16);
static_assert(wide(0xF5AD, 0x6D80).amount == 1024 && wide(0xF2AD, 0x4D0C).amount == 1036);
static_assert(wide(0xF50D, 0x7D02).amount == 520 && wide(0xF10D, 0x0710).does == Does::set_fp);
static_assert(wide(0xEBAD, 0x0D0C).does == Does::change_sp);
static_assert(wide(0xF1BD, 0x0F00).does == Does::nothing, "cmp sp, #0");
static_assert(wide(0xF000, 0xF800).does == Does::nothing, "bl comes back");
static_assert(wide(0xF000, 0xB800).does == Does::leave && wide(0xE8DF, 0xF003).does == Does::leave);

}  // namespace

Act decode_arm(std::uint32_t code) { return arm(code); }

Act decode_thumb(std::uint32_t first, std::uint32_t second) {
    return first < 0xE800U ? narrow(first) : wide(first, second);
}

}  // namespace kyu::ehabi
