// The translation table: what may be read, written or run, and what may not even be touched.
//
// Rules     Addresses are never translated, only permitted (virtual = physical). Whatever no region
//           names faults, page 0 with all of its first MiB above all. No page is both writable and
//           executable; SCTLR.WXN enforces it once more.
// Context   kyu_mmu_enable() once, from start.S, caches off, before constructors: it uses nothing
//           but its stack, the table and constants.
// Source    ARM ARM DDI 0406C B3.5 (short descriptors), B3.8 (attributes).
#pragma once

#include <cstddef>
#include <cstdint>

namespace kyu::arch {

enum class MemoryKind : std::uint8_t {
    text,       ///< cacheable, read and run
    constants,  ///< cacheable, read only
    data,       ///< cacheable, read and write
    dma,        ///< normal memory without caches: descriptors that a device reads and writes
    device,     ///< registers: no speculation, no gathering
};

struct Region {
    std::uintptr_t begin;  ///< multiple of 4 KiB
    std::uintptr_t end;    ///< one past the last byte; rounded up to 4 KiB
    MemoryKind kind;
};

/// A level 1 descriptor for the MiB at `address`.
constexpr std::uint32_t section_descriptor(std::uintptr_t address, MemoryKind kind);
/// A level 2 descriptor for the 4 KiB at `address`.
constexpr std::uint32_t page_descriptor(std::uintptr_t address, MemoryKind kind);

/// Makes a 4 KiB page of the image's data fault on every access: the end of a stack. False when
/// the page is not mapped page by page (it lies outside of .data and .bss). Context: any.
bool unmap_page(const void* page);
/// The same page is memory again.
bool map_page(const void* page);

// ---- Descriptors ---------------------------------------------------------------------------

namespace detail {

struct Attributes {
    std::uint32_t tex;
    std::uint32_t c;
    std::uint32_t b;
    std::uint32_t read_only;
    std::uint32_t never_run;
};

constexpr Attributes attributes(MemoryKind kind) {
    switch (kind) {
        case MemoryKind::text: return {1, 1, 1, 1, 0};  // write-back, write-allocate
        case MemoryKind::constants: return {1, 1, 1, 1, 1};
        case MemoryKind::data: return {1, 1, 1, 0, 1};
        case MemoryKind::dma: return {1, 0, 0, 0, 1};
        case MemoryKind::device: break;
    }
    return {0, 0, 1, 0, 1};
}

}  // namespace detail

constexpr std::uint32_t section_descriptor(std::uintptr_t address, MemoryKind kind) {
    const auto a = detail::attributes(kind);
    return (static_cast<std::uint32_t>(address) & 0xFFF0'0000U) | (1U << 16U) |
           (a.read_only << 15U) | (a.tex << 12U) | (1U << 10U) | (a.never_run << 4U) | (a.c << 3U) |
           (a.b << 2U) | 2U;
}

constexpr std::uint32_t page_descriptor(std::uintptr_t address, MemoryKind kind) {
    const auto a = detail::attributes(kind);
    return (static_cast<std::uint32_t>(address) & 0xFFFF'F000U) | (1U << 10U) |
           (a.read_only << 9U) | (a.tex << 6U) | (1U << 4U) | (a.c << 3U) | (a.b << 2U) | 2U |
           a.never_run;
}

}  // namespace kyu::arch
