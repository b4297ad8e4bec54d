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

/// The functions one after the other, up to the end of the text.
struct SymbolTable {
    std::uint32_t begin{};  ///< of the first function
    /// How far it is from each function to the next; bit 0: this one is Thumb code.
    std::span<const std::uint16_t> steps{};
    std::span<const std::uint16_t> names{};  ///< offsets into `text`, as many as steps
    std::string_view text{};                 ///< each name ends with a NUL
};

struct FoundSymbol {
    std::string_view name{};
    std::uint32_t offset{};
    bool thumb{};
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
