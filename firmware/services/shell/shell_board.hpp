// ShellBoard: what the shell and the self tests need of a board and cannot know themselves.
//
// Rules     The composition root supplies it. No function faults, whatever address it is given.
// Context   threads.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.hpp"

namespace kyu {

class ShellBoard {
public:
    enum class Memory : std::uint8_t {
        none,       ///< not mapped, or a guard page: reading would fault
        ram,        ///< may be read
        registers,  ///< of a device: may be read word by word, and nothing changes by it
        delicate    ///< of a device that changes when it is read, or has no device at all
    };
    struct Function {
        unsigned count{};  ///< functions of that name
        std::uintptr_t address{};
    };

    /// Restarts the board; returns when this board cannot.
    virtual void restart() = 0;
    /// The caller computes for `duration`; interrupts and more urgent threads come meanwhile.
    virtual void spend(Duration duration) = 0;
    [[nodiscard]] virtual Memory memory_at(std::uintptr_t address) const = 0;
    /// The word at `address`, a multiple of 4 that memory_at() calls ram or registers.
    [[nodiscard]] virtual std::uint32_t read_word(std::uintptr_t address) const = 0;
    /// The function that tracebacks call `name`.
    [[nodiscard]] virtual Function find_function(std::string_view name) const = 0;
    /// Calls it with four arguments, as the procedure call standard passes them, and returns what
    /// it leaves in the first register.
    virtual std::uint32_t call(std::uintptr_t function, const std::uint32_t (&arguments)[4]) = 0;
    /// Interrupts of number `id` since boot; ids go from 0 to irq_ids() - 1.
    [[nodiscard]] virtual std::uint32_t irq_count(unsigned id) const = 0;
    [[nodiscard]] virtual unsigned irq_ids() const = 0;
    /// "" when it has none.
    [[nodiscard]] virtual const char* irq_name(unsigned id) const = 0;

protected:
    ~ShellBoard() = default;
};

}  // namespace kyu
