// port::lookup() on the table that image.cmake links in.
#include "arch/armv7a/symbols.hpp"
#include "kernel/port.hpp"

extern "C" {
extern const std::uint32_t kyu_symbol_count;
extern const std::uint32_t kyu_symbol_begin;
extern const std::uint16_t kyu_symbol_steps[];
extern const std::uint16_t kyu_symbol_names[];
extern const char kyu_symbol_text[];
extern const std::uint32_t kyu_symbol_text_bytes;
}

namespace kyu::arch {

SymbolTable image_symbols() {
    const std::size_t count = kyu_symbol_count;
    if (count == 0) return {};
    return {kyu_symbol_begin,
            {kyu_symbol_steps, count},
            {kyu_symbol_names, count},
            {kyu_symbol_text, kyu_symbol_text_bytes}};
}

}  // namespace kyu::arch

namespace kyu::port {

Symbol lookup(std::uintptr_t pc) {
    const arch::FoundSymbol found = arch::find_symbol(arch::image_symbols(), pc);
    return {found.name, found.offset};
}

}  // namespace kyu::port
