#include "arch/armv7a/mmu.hpp"

#include <array>

#include "arch/armv7a/cp15.hpp"
#include "arch/armv7a/image.hpp"
#include "board/orangepi-pc/memory_map.hpp"

namespace kyu::arch {
namespace {

constexpr std::uintptr_t kPage = 4096;
constexpr std::uintptr_t kMiB = 1024 * 1024;
constexpr std::size_t kPagesPerTable = 256;
constexpr std::size_t kTables = 18;  // kyu.ld asserts that the paged part of the image fits

alignas(16384) std::array<std::uint32_t, 4096> level1;
alignas(1024) std::array<std::array<std::uint32_t, kPagesPerTable>, kTables> level2;
std::size_t tables_used;

constexpr std::uint32_t kTableDescriptor = 1;

static_assert(section_descriptor(0x4010'0000, MemoryKind::data) == 0x4011'141EU);
static_assert(section_descriptor(0x01C0'0000, MemoryKind::device) == 0x01C1'0416U);
static_assert(page_descriptor(0x4000'8000, MemoryKind::text) == 0x4000'865EU);

/// The level 2 table of the MiB at `address`, made on first use; nullptr when there is none left.
std::array<std::uint32_t, kPagesPerTable>* table_of(std::uintptr_t address) {
    std::uint32_t& entry = level1[address / kMiB];
    if (entry == 0) {
        if (tables_used == kTables) return nullptr;
        entry = static_cast<std::uint32_t>(
                    reinterpret_cast<std::uintptr_t>(level2[tables_used++].data())) |
                kTableDescriptor;
    }
    if ((entry & 3U) != kTableDescriptor) return nullptr;
    return reinterpret_cast<std::array<std::uint32_t, kPagesPerTable>*>(entry &
                                                                        ~std::uint32_t{1023});
}

void map_pages(const Region& region) {
    for (std::uintptr_t at = region.begin; at < region.end; at += kPage) {
        auto* table = table_of(at);
        if (table == nullptr) return;  // unmapped: the first touch says where
        (*table)[at / kPage % kPagesPerTable] = page_descriptor(at, region.kind);
    }
}

void map_sections(const Region& region) {
    for (std::uintptr_t at = region.begin; at < region.end; at += kMiB) {
        level1[at / kMiB] = section_descriptor(at, region.kind);
    }
}

void map_image() {
    const Image parts = image();
    map_pages({parts.text.begin, parts.text.end, MemoryKind::text});
    map_pages({parts.constants.begin, parts.constants.end, MemoryKind::constants});
    map_pages({parts.data.begin, parts.data.end, MemoryKind::data});
    map_sections({parts.dma.begin, parts.dma.end, MemoryKind::dma});
    map_sections({parts.noinit.begin, parts.noinit.end, MemoryKind::data});
}

constexpr std::uint32_t kTableWalkCached = 0x4A;  // TTBR0: shareable, write-back both levels
constexpr std::uint32_t kSctlrMmu = 1U << 0U;
constexpr std::uint32_t kSctlrDataCache = 1U << 2U;
constexpr std::uint32_t kSctlrBranchPrediction = 1U << 11U;
constexpr std::uint32_t kSctlrInstructionCache = 1U << 12U;
constexpr std::uint32_t kSctlrWriteMeansNeverRun = 1U << 19U;
constexpr std::uint32_t kSctlrTexRemap = 1U << 28U;
constexpr std::uint32_t kSctlrAccessFlag = 1U << 29U;

}  // namespace

namespace {

bool set_data_page(std::uintptr_t address, std::uint32_t descriptor) {
    if (address % kPage != 0 || !image().data.contains(address)) return false;
    auto* table = table_of(address);
    if (table == nullptr) return false;
    (*table)[address / kPage % kPagesPerTable] = descriptor;
    dsb();  // the table walk reads through the data cache, but not through the write buffer
    invalidate_tlb_page(static_cast<std::uint32_t>(address));
    dsb();
    isb();
    return true;
}

}  // namespace

bool unmap_page(const void* page) {
    return set_data_page(reinterpret_cast<std::uintptr_t>(page), 0);
}

bool map_page(const void* page) {
    const auto address = reinterpret_cast<std::uintptr_t>(page);
    return set_data_page(address, page_descriptor(address, MemoryKind::data));
}

extern "C" void kyu_mmu_enable() {
    map_image();
    for (const board::DeviceRange& range : board::kDeviceRanges) {
        map_sections({range.begin, range.end, MemoryKind::device});
    }
    map_sections(
        {board::kKeptMemory, board::kKeptMemory + board::kKeptMemoryBytes, MemoryKind::dma});
    map_pages({board::kBootArgs, board::kBootArgs + board::kBootArgsBytes, MemoryKind::constants});
    dsb();
    invalidate_tlbs(0);
    invalidate_instruction_caches(0);
    invalidate_branch_predictor(0);
    write_ttbcr(0);
    write_ttbr0(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(level1.data())) |
                kTableWalkCached);
    write_dacr(1);  // domain 0: client, permissions are checked
    dsb();
    isb();
    std::uint32_t sctlr = read_sctlr();
    sctlr &= ~(kSctlrTexRemap | kSctlrAccessFlag);
    sctlr |= kSctlrMmu | kSctlrDataCache | kSctlrBranchPrediction | kSctlrInstructionCache |
             kSctlrWriteMeansNeverRun;
    write_sctlr(sctlr);
    isb();
    unmap_page(kyu_boot_stack_guard);
    unmap_page(kyu_crash_stack_guard);
}

}  // namespace kyu::arch
