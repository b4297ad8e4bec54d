// Where the parts of the image lie: the linker script's symbols, typed.
//
// Context   any; constants, valid before constructors run.
#pragma once

#include <cstdint>

extern "C" {
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern char __data_start[], __bss_end[], __dma_start[], __dma_section_end[];
extern char __noinit_start[], __noinit_section_end[];
extern char __exidx_start[], __exidx_end[];
extern char __build_id_start[], __build_id_end[];
extern char kyu_boot_stack_guard[], kyu_boot_stack[], kyu_boot_stack_top[];
extern char kyu_crash_stack_guard[], kyu_crash_stack[], kyu_nested_crash_stack_top[];
extern char kyu_fiq_stack[], kyu_fiq_stack_top[];
}

namespace kyu::arch {

struct Extent {
    std::uintptr_t begin;
    std::uintptr_t end;
    [[nodiscard]] bool contains(std::uintptr_t address) const {
        return address >= begin && address < end;
    }
};

struct Image {
    Extent text;       ///< instructions
    Extent constants;  ///< .rodata, unwind and symbol tables, the image of .data
    Extent data;       ///< .data and .bss, mapped page by page
    Extent dma;        ///< uncached, whole MiB
    Extent noinit;     ///< large pools, not cleared at boot, whole MiB
};

inline std::uintptr_t address_of(const char* symbol) {
    return reinterpret_cast<std::uintptr_t>(symbol);
}

inline Image image() {
    return {{address_of(__text_start), address_of(__text_end)},
            {address_of(__rodata_start), address_of(__rodata_end)},
            {address_of(__data_start), address_of(__bss_end)},
            {address_of(__dma_start), address_of(__dma_section_end)},
            {address_of(__noinit_start), address_of(__noinit_section_end)}};
}

}  // namespace kyu::arch
