// BoardShell: the board's answers to the shell's questions.
//
// Context   threads. memory_at() asks the processor's own translation, then the list of devices
//           that may be looked at: no address that the shell is given can fault.
#pragma once

#include "apps/testserver/board_init.hpp"
#include "services/selftest/selftest.hpp"
#include "services/shell/shell_board.hpp"

namespace kyu::app {

class BoardShell final : public ShellBoard {
    const BoardGic& gic_;
    void (*restart_)();

public:
    BoardShell(const BoardGic& gic, void (*restarter)()) : gic_(gic), restart_(restarter) {}

    void restart() override { restart_(); }
    void spend(Duration duration) override;
    [[nodiscard]] Memory memory_at(std::uintptr_t address) const override;
    [[nodiscard]] std::uint32_t read_word(std::uintptr_t address) const override;
    [[nodiscard]] Function find_function(std::string_view name) const override;
    std::uint32_t call(std::uintptr_t function, const std::uint32_t (&arguments)[4]) override;
    [[nodiscard]] std::uint32_t irq_count(unsigned id) const override { return gic_.count(id); }
    [[nodiscard]] unsigned irq_ids() const override { return board::kIrqLines; }
    [[nodiscard]] const char* irq_name(unsigned id) const override;
};

/// The rows of the menu i that need the H3 (board_tests.cpp).
[[nodiscard]] std::span<const selftest::Test> board_tests();

}  // namespace kyu::app
