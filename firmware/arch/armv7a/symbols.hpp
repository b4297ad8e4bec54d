// The functions of the image, by address.
//
// Rules     The table is made after the link by ci/symtab.py from the linked image itself, and
//           linked in by a second link that moves no function (image.cmake). Before that it is
//           empty and nothing is found.
// Context   any; constant data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kyu::arch {

/// Sorted addresses of functions. The last one is the end of the text and has no name.
struct SymbolTable {
    std::span<const std::uint32_t> addresses;
    std::span<const std::uint32_t> names;  ///< offsets into `text`, one less than addresses
    std::string_view text;                 ///< each name ends with a NUL
};

struct FoundSymbol {
    std::string_view name{};
    std::uint32_t offset{};
};

/// The function that `pc` lies in; an empty name when there is none.
[[nodiscard]] FoundSymbol find_symbol(const SymbolTable& table, std::uint32_t pc);

struct NamedFunction {
    std::uint32_t address{};
    unsigned count{};  ///< functions of that name; `address` is the first one's
};

/// The function that is called `name`, in full.
[[nodiscard]] NamedFunction find_function(const SymbolTable& table, std::string_view name);

/// The table of this image (lookup.cpp).
[[nodiscard]] SymbolTable image_symbols();

}  // namespace kyu::arch
