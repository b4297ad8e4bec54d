#include "arch/armv7a/symbols.hpp"

#include <algorithm>

namespace kyu::arch {

FoundSymbol find_symbol(const SymbolTable& table, std::uint32_t pc) {
    const auto after = std::upper_bound(table.addresses.begin(), table.addresses.end(), pc);
    const auto index = static_cast<std::size_t>(after - table.addresses.begin());
    // Before the first function, or behind the last.
    if (index == 0 || after == table.addresses.end() || index > table.names.size()) return {};
    const std::uint32_t name = table.names[index - 1];
    if (name >= table.text.size()) return {};
    const std::string_view from = table.text.substr(name);
    return {from.substr(0, from.find('\0')), pc - table.addresses[index - 1]};
}

}  // namespace kyu::arch
