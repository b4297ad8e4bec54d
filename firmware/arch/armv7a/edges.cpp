#include "arch/armv7a/edges.hpp"

#include <bit>

namespace kyu::ehabi {
namespace {

// ARM ARM DDI 0406C, A8.8: A32 encodings, condition "always".
constexpr std::uint32_t kReturn = 0xE12F'FF1E;    // bx lr
constexpr std::uint32_t kSpFromFp = 0xE1A0'D00B;  // mov sp, fp
constexpr std::uint32_t kFpFromSp = 0xE1A0'B00D;  // mov fp, sp
constexpr std::size_t kEpilogueMax = 6;           // instructions
constexpr std::uint32_t kPrologueMax = 256;       // bytes: then it is no prologue any more
constexpr std::uint32_t kStackMax = 1U << 20U;    // of one frame

constexpr unsigned kFp = 11;
constexpr unsigned kSp = 13;
constexpr unsigned kPc = 15;

constexpr bool is(std::uint32_t code, std::uint32_t mask, std::uint32_t value) {
    return (code & mask) == value;
}
constexpr bool push(std::uint32_t c) { return is(c, 0xFFFF'0000, 0xE92D'0000); }
constexpr bool pop(std::uint32_t c) { return is(c, 0xFFFF'0000, 0xE8BD'0000); }
constexpr bool push_one(std::uint32_t c) { return is(c, 0xFFFF'0000, 0xE52D'0000); }
constexpr bool pop_one(std::uint32_t c) { return is(c, 0xFFFF'0000, 0xE49D'0000); }
constexpr bool push_two(std::uint32_t c) { return is(c, 0xFFFF'00F0, 0xE16D'00F0); }
constexpr bool pop_two(std::uint32_t c) { return is(c, 0xFFFF'00F0, 0xE0CD'00D0); }
constexpr bool room(std::uint32_t c) { return is(c, 0xFFFF'F000, 0xE24D'D000); }
constexpr bool no_room(std::uint32_t c) { return is(c, 0xFFFF'F000, 0xE28D'D000); }
constexpr bool fp_set(std::uint32_t c) { return is(c, 0xFFFF'F000, 0xE28D'B000) || c == kFpFromSp; }
constexpr bool sp_below_fp(std::uint32_t c) { return is(c, 0xFFFF'F000, 0xE24B'D000); }
constexpr bool sp_above_fp(std::uint32_t c) { return is(c, 0xFFFF'F000, 0xE28B'D000); }

/// An unconditional way out of straight-line code: b, bx, blx by register excluded, and any load or
/// computation into the pc.
constexpr bool leaves(std::uint32_t c) {
    const bool branch = is(c, 0xFF00'0000, 0xEA00'0000) || is(c, 0xFFFF'FFF0, 0xE12F'FF10);
    const bool pop_pc = is(c, 0xFE10'8000, 0xE810'8000);
    const bool load_pc = is(c, 0xFC10'F000, 0xE410'F000);
    const bool compute_pc = is(c, 0xFDE0'F000, 0xE1A0'F000);
    return branch || pop_pc || load_pc || compute_pc;
}
/// Data processing, any condition, with sp as its result: not understood beyond the cases above.
constexpr bool changes_sp(std::uint32_t c) {
    return is(c, 0x0C00'F000, 0x0000'D000) && !is(c, 0x0180'0000, 0x0100'0000);
}

/// The value of a "modified immediate": eight bits, rotated.
constexpr std::uint32_t immediate(std::uint32_t c) {
    return std::rotr(c & 0xFFU, static_cast<int>((c >> 8U & 15U) * 2));
}
constexpr std::uint32_t offset_12(std::uint32_t c) { return c & 0xFFFU; }
constexpr std::uint32_t offset_8(std::uint32_t c) { return (c >> 4U & 0xF0U) | (c & 15U); }
constexpr unsigned target(std::uint32_t c) { return c >> 12U & 15U; }

static_assert(push(0xE92D'4FF0) && pop(0xE8BD'8FF0) && leaves(0xE8BD'8FF0));
static_assert(push_one(0xE52D'B004) && pop_one(0xE49D'B004) && leaves(0xE49D'F004));
static_assert(room(0xE24D'D0DC) && fp_set(0xE28D'B020) && sp_below_fp(0xE24B'D020));
static_assert(immediate(0xE24D'DB01) == 1024 && changes_sp(0xE04D'D00C));
static_assert(!leaves(0xE8BD'4FF0) && !changes_sp(0xE352'D000));

// ---- The prologue ------------------------------------------------------------------------------

/// What straight-line code from the function's start has done to the stack.
struct Built {
    std::uint32_t bytes{};  ///< how far sp has moved down
    bool frame_pointer{};   ///< r11 is this function's already
    bool known{true};       ///< all of it was understood, and it was straight
};

/// Stack that `code` takes; 0: none. `known` becomes false for what is not understood.
std::uint32_t taken(std::uint32_t code, bool& known) {
    if (push(code)) return 4U * static_cast<std::uint32_t>(std::popcount(code & 0xFFFFU));
    if (push_one(code)) return offset_12(code);
    if (push_two(code)) return offset_8(code);
    if (room(code)) return immediate(code);
    if (changes_sp(code) || pop(code) || pop_one(code) || pop_two(code)) known = false;
    return 0;
}

bool look(std::uint32_t function, std::uint32_t pc, const Memory& memory, Built& built) {
    for (std::uint32_t at = function; at < pc; at += 4) {
        std::uint32_t code = 0;
        if (!memory.read(at, code)) return false;
        const std::uint32_t more = taken(code, built.known);
        if (more > kStackMax || built.bytes > kStackMax) return false;
        built.bytes += more;
        built.frame_pointer = built.frame_pointer || fp_set(code);
        built.known = built.known && !leaves(code) && at - function < kPrologueMax;
    }
    return true;
}

/// Puts back what the instructions between `function` and the pc have pushed.
bool undo_prologue(Frame& frame, std::uint32_t function, const Built& built, const Memory& memory) {
    Frame caller = frame;
    const std::uint32_t top = frame.sp() + built.bytes;
    std::uint32_t sp = top;
    bool known = true;
    for (std::uint32_t at = function; at < frame.pc(); at += 4) {
        std::uint32_t code = 0;
        if (!memory.read(at, code)) return false;
        sp -= taken(code, known);
        std::uint32_t mask = 0;
        if (push(code)) mask = code & 0xFFFFU;
        if (push_one(code)) mask = 1U << target(code);
        if (push_two(code)) mask = 3U << target(code);
        std::uint32_t slot = sp;
        for (unsigned r = 0; r < kSp + 2; ++r) {
            if ((mask >> r & 1U) == 0) continue;
            if (r != kSp && !memory.read(slot, caller.r[r])) return false;
            slot += 4;
        }
    }
    caller.r[kSp] = top;
    caller.r[kPc] = caller.lr();
    frame = caller;
    return true;
}

// ---- The epilogue ------------------------------------------------------------------------------

bool load(Frame& frame, std::uint32_t mask, const Memory& memory) {
    std::uint32_t at = frame.sp();
    for (unsigned r = 0; r < 16; ++r) {
        if ((mask >> r & 1U) == 0) continue;
        std::uint32_t word = 0;
        if (!memory.read(at, word)) return false;
        if (r != kSp) frame.r[r] = word;
        at += 4;
    }
    return true;
}

/// Runs what is left of an epilogue. False: it is none, or it cannot be read.
bool run_epilogue(Frame& frame, const Memory& memory) {
    Frame caller = frame;
    std::uint32_t at = frame.pc();
    for (std::size_t n = 0; n < kEpilogueMax; ++n, at += 4) {
        std::uint32_t code = 0;
        if (!memory.read(at, code)) return false;
        bool returned = false;
        if (code == kReturn) {
            caller.r[kPc] = caller.lr();
            returned = true;
        } else if (pop(code)) {
            if (!load(caller, code & 0xFFFFU, memory)) return false;
            caller.r[kSp] += 4U * static_cast<std::uint32_t>(std::popcount(code & 0xFFFFU));
            returned = (code >> kPc & 1U) != 0;
        } else if (pop_one(code)) {
            if (!load(caller, 1U << target(code), memory)) return false;
            caller.r[kSp] += offset_12(code);
            returned = target(code) == kPc;
        } else if (pop_two(code)) {
            if (!load(caller, 3U << target(code), memory)) return false;
            caller.r[kSp] += offset_8(code);
        } else if (no_room(code)) {
            caller.r[kSp] += immediate(code);
        } else if (sp_below_fp(code)) {
            caller.r[kSp] = caller.r[kFp] - immediate(code);
        } else if (sp_above_fp(code)) {
            caller.r[kSp] = caller.r[kFp] + immediate(code);
        } else if (code == kSpFromFp) {
            caller.r[kSp] = caller.r[kFp];
        } else {
            return false;
        }
        if (!returned) continue;
        frame = caller;
        return true;
    }
    return false;
}

Edge undone(Frame& frame) {
    frame.exact = false;
    frame.ignore_frame_pointer = false;
    return Edge::undone;
}

}  // namespace

Edge undo_edge(Frame& frame, std::uint32_t function, const Memory& memory) {
    if (run_epilogue(frame, memory)) return undone(frame);
    Built built;
    if (!look(function, frame.pc(), memory, built)) return Edge::unreadable;
    if (built.bytes == 0) {  // nothing yet, or a leaf that needs nothing
        frame.r[kPc] = frame.lr();
        return undone(frame);
    }
    if (built.frame_pointer) return Edge::none;
    if (!built.known) return Edge::before_fp;
    return undo_prologue(frame, function, built, memory) ? undone(frame) : Edge::unreadable;
}

}  // namespace kyu::ehabi
