#include "apps/testserver/board_shell.hpp"

#include "arch/armv7a/probe.hpp"
#include "arch/armv7a/symbols.hpp"
#include "board/orangepi-pc/memory_map.hpp"

namespace kyu::app {
namespace {

template <std::size_t N>
bool lies_in(const std::array<board::DeviceRange, N>& ranges, std::uintptr_t address) {
    for (const board::DeviceRange& range : ranges) {
        if (address >= range.begin && address < range.end) return true;
    }
    return false;
}

}  // namespace

/// Something to try the shell's `x` with: it touches nothing.
extern "C" [[gnu::used, gnu::noinline]] std::uint32_t x_sum(std::uint32_t a, std::uint32_t b,
                                                            std::uint32_t c, std::uint32_t d) {
    return a + b + c + d;
}

void BoardShell::spend(Duration duration) {
    const Instant end = port::now() + duration;
    while (port::now() < end) {
    }
}

ShellBoard::Memory BoardShell::memory_at(std::uintptr_t address) const {
    if (!arch::is_mapped(address)) return Memory::none;
    if (!lies_in(board::kDeviceRanges, address)) return Memory::ram;
    return lies_in(board::kQuietDevices, address) ? Memory::registers : Memory::delicate;
}

std::uint32_t BoardShell::read_word(std::uintptr_t address) const {
    return *reinterpret_cast<const volatile std::uint32_t*>(address);
}

ShellBoard::Function BoardShell::find_function(std::string_view name) const {
    const arch::NamedFunction found = arch::find_function(arch::image_symbols(), name);
    return {found.count, found.address};
}

std::uint32_t BoardShell::call(std::uintptr_t function, const std::uint32_t (&arguments)[4]) {
    using Any = std::uint32_t (*)(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t);
    // Bit 0 of what is called says in which state it runs.
    const bool thumb = arch::find_symbol(arch::image_symbols(), function).thumb;
    const auto entry = reinterpret_cast<Any>(thumb ? function | 1U : function);
    return entry(arguments[0], arguments[1], arguments[2], arguments[3]);
}

const char* BoardShell::irq_name(unsigned id) const {
    switch (static_cast<board::Irq>(id)) {
        case board::Irq::timer_hypervisor: return "hypervisor timer";
        case board::Irq::timer_virtual: return "virtual timer";
        case board::Irq::timer_secure: return "secure timer";
        case board::Irq::timer_non_secure: return "physical timer";
        case board::Irq::uart0: return "uart0";
        case board::Irq::watchdog: return "watchdog";
        case board::Irq::emac: return "emac";
        default: return "";
    }
}

}  // namespace kyu::app
