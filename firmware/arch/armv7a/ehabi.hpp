// Stack walking by the unwind tables that the compiler writes for ARM (EHABI).
//
// Rules     Pure: tables, stack and instructions are read through a Memory that refuses what must
//           not be touched, so a walk through a smashed stack ends, it does not fault. Each step
//           must move the stack pointer up, so it ends in any case.
// Context   any; no allocation, about 200 bytes of stack.
// Source    ARM IHI 0038 (Exception handling ABI), sections 6 (index), 7 (entries), 10.3 (opcodes).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kyu::ehabi {

/// What may be read. Called with word-aligned addresses only.
class Memory {
public:
    virtual bool read(std::uint32_t address, std::uint32_t& word) const = 0;

protected:
    ~Memory() = default;
};

/// CPSR.T: the code that runs is Thumb code.
constexpr std::uint32_t kThumbState = 1U << 5U;

/// Registers of one frame: r0-r15, 13 sp, 14 lr, 15 pc. Bit 0 of the pc is set in Thumb code, as it
/// is in every return address into it.
struct Frame {
    std::array<std::uint32_t, 16> r{};
    /// The pc is an instruction that was about to run (a fault, an interrupt), not a return
    /// address: the function may not have built its frame yet.
    bool exact{false};
    /// The frame pointer still is the caller's: instructions that go by it are left out.
    bool ignore_frame_pointer{false};

    [[nodiscard]] std::uint32_t sp() const { return r[13]; }
    [[nodiscard]] std::uint32_t lr() const { return r[14]; }
    [[nodiscard]] std::uint32_t pc() const { return r[15]; }
};

struct Range {
    std::uint32_t begin{};
    std::uint32_t end{};
    [[nodiscard]] bool contains(std::uint32_t a) const { return a >= begin && a < end; }
};

struct Layout {
    Range text;
    Range index;            ///< .ARM.exidx, sorted
    Range interrupt_frame;  ///< return addresses below which lies a frame of vectors.S
};

enum class Step : std::uint8_t {
    stepped,  ///< `frame` is the caller's now
    top,      ///< the outermost frame: its function says that it cannot be unwound
    damaged,  ///< no table for it, or what was read makes no sense
};

/// From a frame to its caller's.
[[nodiscard]] Step step(Frame& frame, const Layout& layout, const Memory& memory);

/// The pcs of `frame` and of its callers, innermost first, without bit 0; how many.
std::size_t walk(Frame frame, const Layout& layout, const Memory& memory,
                 std::span<std::uintptr_t> pcs);

/// Executes unwind instructions. `first_word` holds the first `leading` of them in its low bytes,
/// most significant first; `more_words` further words follow at `next`. False: refused or damaged.
[[nodiscard]] bool execute(Frame& frame, std::uint32_t first_word, unsigned leading,
                           std::uint32_t next, unsigned more_words, const Memory& memory);

}  // namespace kyu::ehabi
