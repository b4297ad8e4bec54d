// ShellBoard of a simulated board: it computes in virtual time, and has no memory to look at.
//
// Context   as services/shell/shell_board.hpp says.
#pragma once

#include "port/host/machine.hpp"
#include "services/shell/shell_board.hpp"

namespace kyu::app {

class SimShellBoard final : public ShellBoard {
    host::Machine& machine_;

public:
    explicit SimShellBoard(host::Machine& machine) : machine_(machine) {}

    void restart() override {}
    void spend(Duration duration) override { machine_.spend(duration); }
    [[nodiscard]] Memory memory_at(std::uintptr_t /*address*/) const override {
        return Memory::none;
    }
    [[nodiscard]] std::uint32_t read_word(std::uintptr_t /*address*/) const override { return 0; }
    [[nodiscard]] Function find_function(std::string_view /*name*/) const override { return {}; }
    std::uint32_t call(std::uintptr_t /*function*/,
                       const std::uint32_t (& /*arguments*/)[4]) override {
        return 0;
    }
    [[nodiscard]] std::uint32_t irq_count(unsigned /*id*/) const override { return 0; }
    [[nodiscard]] unsigned irq_ids() const override { return 0; }
    [[nodiscard]] const char* irq_name(unsigned /*id*/) const override { return ""; }
};

}  // namespace kyu::app
