@ Cores 1 to 3: where they begin, and where they end when something goes wrong.
@
@ Context   Secure SVC, MMU and caches off, interrupts off for good. Such a core sees memory and
@           not the caches of core 0: its stack and its slot lie in .dma, which core 0 does not
@           cache either; instructions and constants were cleaned to memory before core 0 turned
@           its caches on, and are never written.
@ Rules     Nothing here touches .data or .bss. Each core has a slot (cores.hpp) and a small stack.

#include "arch/armv7a/core_slot.h"

    .syntax unified
    .arch_extension sec

    .equ MODE_SVC, 0x13
    .equ STACK_BYTES, 2048
    @ MMU, data cache, instruction cache; exceptions in Thumb state
    .equ SCTLR_OFF, (1 << 0) | (1 << 2) | (1 << 12) | (1 << 30)

@ r0 = number of this core, r1 = its slot; uses r2.
    .macro find_slot
    mrc     p15, 0, r0, c0, c0, 5       @ MPIDR
    and     r0, r0, #3
    ldr     r1, =kyu_core_slots
    mov     r2, #CORE_SLOT_BYTES
    mla     r1, r0, r2, r1
    .endm

    .section .text.core, "ax", %progbits
    .balign 32
kyu_core_vectors:
    .rept 8
    b       core_fault
    .endr

    .global kyu_core_begin
    .type kyu_core_begin, %function
kyu_core_begin:
    .fnstart
    .cantunwind
    cpsid   aif, #MODE_SVC
    mrc     p15, 0, r0, c1, c0, 0
    ldr     r1, =SCTLR_OFF
    bic     r0, r0, r1
    mcr     p15, 0, r0, c1, c0, 0
    isb
    ldr     r0, =kyu_core_vectors
    mcr     p15, 0, r0, c12, c0, 0      @ VBAR
    isb
    find_slot
    ldr     r3, =kyu_core_stacks
    mov     r2, #STACK_BYTES
    add     r0, r0, #1
    mla     sp, r0, r2, r3
    mov     r0, r1
    bl      kyu_core_main
    @ falls through: it never comes back
    .fnend
    .size kyu_core_begin, . - kyu_core_begin

@ Any exception of such a core: it says so and stops.
    .type core_fault, %function
core_fault:
    .fnstart
    .cantunwind
    find_slot
    mov     r2, #CORE_FAULTED
    str     r2, [r1, #CORE_SLOT_STATE]
    dsb
1:  wfi
    b       1b
    .fnend
    .size core_fault, . - core_fault

    .ltorg

    .section .dma.cores, "aw", %nobits
    .balign 64
    .global kyu_core_slots
kyu_core_slots:
    .space 4 * CORE_SLOT_BYTES
kyu_core_stacks:
    .space 4 * STACK_BYTES
