// Registers, declared once and typed.
//
// Rules     A driver is a template over an Io: MmioIo on the board, a script or a model in tests.
//           A register is a struct with `offset` and its Fields, in the manual's order.
// Context   any; ordering between devices and memory is the caller's (kernel/port.hpp barriers).
#pragma once

#include <concepts>
#include <cstdint>

namespace kyu {

/// A 32-bit register file, addressed by byte offset from its base.
template <typename T>
concept Io = requires(T io, std::uint32_t offset, std::uint32_t value) {
    { io.read(offset) } -> std::same_as<std::uint32_t>;
    io.write(offset, value);
};

/// Bits High..Low of a register.
template <unsigned High, unsigned Low>
struct Field {
    static_assert(High < 32 && Low <= High);
    static constexpr std::uint32_t max = (High - Low == 31) ? ~0U : (1U << (High - Low + 1)) - 1;
    static constexpr std::uint32_t mask = max << Low;
    /// `value` in its place; bits that do not fit are cut.
    static constexpr std::uint32_t of(std::uint32_t value) { return (value & max) << Low; }
    /// The field's value in `word`.
    static constexpr std::uint32_t in(std::uint32_t word) { return (word >> Low) & max; }
};

/// An Io that can let a moment go by between two looks at a register.
template <typename T>
concept PausingIo = Io<T> && requires(T io) { io.pause(); };

/// The registers of a device at a physical address.
class MmioIo {
    static constexpr unsigned kPauseInstructions = 1000;
    std::uintptr_t base_;

public:
    constexpr explicit MmioIo(std::uintptr_t base) : base_(base) {}
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) const {
        return *reinterpret_cast<const volatile std::uint32_t*>(base_ + offset);
    }
    void write(std::uint32_t offset, std::uint32_t value) const {
        *reinterpret_cast<volatile std::uint32_t*>(base_ + offset) = value;
    }
    /// A microsecond or two, without touching a device: an emulator has but one lock for them all,
    /// and who is to empty the transmitter needs it too.
    void pause() const {
        for (unsigned n = 0; n < kPauseInstructions / 2; ++n) asm volatile("");
    }
};

}  // namespace kyu
