#include "port/host/console_port.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kyu::host {

void HostConsolePort::attach(Console& console) {
    console_ = &console;
    machine_.kernel().set_console(console);
}

std::size_t HostConsolePort::move(IrqsOff& off, std::size_t limit) {
    std::size_t moved = 0;
    std::array<char, 256> piece{};
    while (moved < limit) {
        const std::size_t want = std::min(piece.size(), limit - moved);
        const std::size_t n = console_->take_output(off, std::span<char>(piece).first(want));
        if (n == 0) break;
        machine_.write_console({piece.data(), n});
        moved += n;
    }
    return moved;
}

void HostConsolePort::kick(IrqsOff& off) {
    if (dead_ || busy_) return;
    if (bytes_per_ms_ == 0) {
        move(off, SIZE_MAX);
        return;
    }
    busy_ = true;
    tick();
}

void HostConsolePort::tick() {
    machine_.at(machine_.now() + Duration::from_ms(1), [this](IrqContext& irq) {
        IrqsOff off{irq};
        if (dead_ || move(off, bytes_per_ms_) == 0) {
            busy_ = false;
        } else {
            tick();
        }
    });
}

void HostConsolePort::type(std::string text) {
    machine_.raise(
        [this, typed = std::move(text)](IrqContext& irq) { console_->received(irq, typed); });
}

}  // namespace kyu::host
