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

NamedFunction find_function(const SymbolTable& table, std::string_view name) {
    NamedFunction found;
    for (std::size_t i = 0; i < table.names.size(); ++i) {
        if (table.names[i] >= table.text.size()) continue;
        const std::string_view from = table.text.substr(table.names[i]);
        if (from.substr(0, from.find('\0')) != name) continue;
        if (found.count++ == 0) found.address = table.addresses[i];
    }
    return found;
}

}  // namespace kyu::arch
