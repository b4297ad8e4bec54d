// The system registers that more than one file of this folder touches.
//
// Context   PL1. Each function is one instruction; which barriers it needs is the caller's to know.
// Source    ARM ARM DDI 0406C, B4.1.
#pragma once

#include <cstdint>

namespace kyu::arch {

inline void dsb() { __asm__ volatile("dsb" ::: "memory"); }
inline void dmb() { __asm__ volatile("dmb" ::: "memory"); }
inline void isb() { __asm__ volatile("isb" ::: "memory"); }

#define KYU_CP15_READ(function, opc1, crn, crm, opc2)                                         \
    inline std::uint32_t function() {                                                         \
        std::uint32_t value;                                                                  \
        __asm__ volatile("mrc p15, " #opc1 ", %0, " #crn ", " #crm ", " #opc2 : "=r"(value)); \
        return value;                                                                         \
    }
#define KYU_CP15_WRITE(function, opc1, crn, crm, opc2)                                     \
    inline void function(std::uint32_t value) {                                            \
        __asm__ volatile("mcr p15, " #opc1 ", %0, " #crn ", " #crm ", " #opc2 ::"r"(value) \
                         : "memory");                                                      \
    }

KYU_CP15_READ(read_ctr, 0, c0, c0, 1)
KYU_CP15_READ(read_sctlr, 0, c1, c0, 0)
KYU_CP15_WRITE(write_sctlr, 0, c1, c0, 0)
KYU_CP15_WRITE(write_ttbr0, 0, c2, c0, 0)
KYU_CP15_WRITE(write_ttbcr, 0, c2, c0, 2)
KYU_CP15_WRITE(write_dacr, 0, c3, c0, 0)
KYU_CP15_READ(read_dfsr, 0, c5, c0, 0)
KYU_CP15_READ(read_ifsr, 0, c5, c0, 1)
KYU_CP15_READ(read_dfar, 0, c6, c0, 0)
KYU_CP15_READ(read_ifar, 0, c6, c0, 2)
KYU_CP15_WRITE(invalidate_instruction_caches, 0, c7, c5, 0)  // ICIALLU
KYU_CP15_WRITE(invalidate_branch_predictor, 0, c7, c5, 6)    // BPIALL
KYU_CP15_WRITE(invalidate_line, 0, c7, c6, 1)                // DCIMVAC
KYU_CP15_WRITE(clean_line, 0, c7, c10, 1)                    // DCCMVAC
KYU_CP15_WRITE(invalidate_tlbs, 0, c8, c7, 0)                // TLBIALL
KYU_CP15_WRITE(invalidate_tlb_page, 0, c8, c7, 1)            // TLBIMVA

#undef KYU_CP15_READ
#undef KYU_CP15_WRITE

}  // namespace kyu::arch
