#include "arch/armv7a/symbols.hpp"

namespace kyu::arch {
namespace {

std::string_view name_of(const SymbolTable& table, std::size_t n) {
    if (n >= table.names.size() || table.names[n] >= table.text.size()) return {};
    const std::string_view from = table.text.substr(table.names[n]);
    return from.substr(0, from.find('\0'));
}

constexpr std::uint32_t distance(std::uint16_t step) { return step & 0xFFFEU; }

}  // namespace

FoundSymbol find_symbol(const SymbolTable& table, std::uint32_t pc) {
    if (pc < table.begin) return {};
    std::uint32_t offset = pc - table.begin;
    for (std::size_t n = 0; n < table.steps.size(); ++n) {
        const std::uint16_t step = table.steps[n];
        if (offset < distance(step)) {
            const std::string_view name = name_of(table, n);
            return name.empty() ? FoundSymbol{} : FoundSymbol{name, offset, (step & 1U) != 0};
        }
        offset -= distance(step);
    }
    return {};
}

NamedFunction find_function(const SymbolTable& table, std::string_view name) {
    NamedFunction found;
    std::uint32_t address = table.begin;
    for (std::size_t n = 0; n < table.steps.size(); ++n) {
        if (!name.empty() && name_of(table, n) == name && found.count++ == 0) {
            found.address = address;
        }
        address += distance(table.steps[n]);
    }
    return found;
}

}  // namespace kyu::arch
