@ The first instructions: from whatever started us to kyu_main() in C++.
@
@ Context   Secure SVC with the MMU off (QEMU -kernel), or SVC or HYP with MMU and caches on
@           (U-Boot `go`). Interrupts are off from the first instruction until a thread turns
@           them on. Cores other than 0 are parked.
@ Order     park -> leave HYP -> caches and MMU off -> stacks -> .data, .bss, .dma -> vectors ->
@           MMU on -> constructors -> kyu_main. The image may be started again without loading
@           it again: .data is copied from its own image, and everything else is cleared.
@ Sources   ARM ARM DDI 0406C: B3.17 (CP15), B4.2 (cache maintenance), B9.3.3 (ERET).

    .syntax unified
    .arch_extension virt
    .arch_extension sec
    .fpu neon-vfpv4

    .equ MODE_MASK, 0x1f
    .equ MODE_FIQ, 0x11
    .equ MODE_IRQ, 0x12
    .equ MODE_SVC, 0x13
    .equ MODE_ABT, 0x17
    .equ MODE_UND, 0x1b
    .equ MODE_HYP, 0x1a
    .equ MASK_ALL, 0x1c0                @ A, I and F: every maskable exception off
    .equ SCTLR_M, 1 << 0
    .equ SCTLR_A, 1 << 1
    .equ SCTLR_C, 1 << 2
    .equ SCTLR_Z, 1 << 11
    .equ SCTLR_I, 1 << 12
    .equ SCTLR_V, 1 << 13
    .equ SCTLR_TE, 1 << 30
    .equ ACTLR_SMP, 1 << 6
    .equ DATA_ABORTS_IN_PLAY, 0x100
    .equ CPACR_CP10_CP11, 0xf << 20
    .equ FPEXC_EN, 1 << 30
    .equ HCPTR_TRAP_CP10_CP11, 3 << 10

    .section .text.start, "ax", %progbits
    .global _start
    .type _start, %function
_start:
    .fnstart
    .cantunwind
    cpsid   aif
    mrc     p15, 0, r0, c0, c0, 5       @ MPIDR: affinity 0 is the core's number
    ands    r0, r0, #0xff
    bne     .Lpark
    mrs     r0, cpsr
    and     r0, r0, #MODE_MASK
    cmp     r0, #MODE_HYP
    beq     leave_hyp
.Lin_svc:
    cps     #MODE_SVC
    bl      clean_invalidate_all        @ what U-Boot wrote must reach memory first
    mrc     p15, 0, r0, c1, c0, 0
    bic     r0, r0, #(SCTLR_M | SCTLR_A | SCTLR_C)
    bic     r0, r0, #(SCTLR_Z | SCTLR_I | SCTLR_V)
    bic     r0, r0, #SCTLR_TE
    mcr     p15, 0, r0, c1, c0, 0
    isb
    bl      clean_invalidate_all        @ and nothing stale may stay behind
    mov     r0, #0
    mcr     p15, 0, r0, c8, c7, 0       @ TLBIALL
    mcr     p15, 0, r0, c7, c5, 0       @ ICIALLU
    mcr     p15, 0, r0, c7, c5, 6       @ BPIALL
    dsb
    isb

    @ Cortex-A7 TRM 4.3.28: the caches work only with ACTLR.SMP set. A Non-secure write may be
    @ refused, so it is written only where it is missing.
    mrc     p15, 0, r0, c1, c0, 1
    tst     r0, #ACTLR_SMP
    orreq   r0, r0, #ACTLR_SMP
    mcreq   p15, 0, r0, c1, c0, 1
    isb

    @ Each exception mode's stack pointer is the place where its vector saves the registers.
    cps     #MODE_IRQ
    ldr     sp, =kyu_trap_frame_irq
    cps     #MODE_FIQ
    ldr     sp, =kyu_fiq_stack_top
    cps     #MODE_UND
    ldr     sp, =kyu_trap_frame_und
    cps     #MODE_ABT
    ldr     sp, =kyu_trap_frame_abt
    cps     #MODE_SVC
    ldr     sp, =kyu_boot_stack_top

    ldr     r0, =__data_load
    ldr     r1, =__data_start
    ldr     r2, =__data_end
.Lcopy_data:
    cmp     r1, r2
    ldrlo   r3, [r0], #4
    strlo   r3, [r1], #4
    blo     .Lcopy_data

    ldr     r0, =__bss_start
    ldr     r1, =__bss_end
    bl      clear_words
    ldr     r0, =__dma_start
    ldr     r1, =__dma_end
    bl      clear_words

    ldr     r0, =kyu_vectors
    mcr     p15, 0, r0, c12, c0, 0      @ VBAR
    isb
    bl      kyu_mmu_enable
    @ From here a write that the bus refuses later is an exception too.
    mrs     r0, cpsr
    bic     r0, r0, #DATA_ABORTS_IN_PLAY
    msr     cpsr_x, r0

    mrc     p15, 0, r0, c1, c0, 2       @ CPACR: NEON is for everybody (neon.hpp)
    orr     r0, r0, #CPACR_CP10_CP11
    mcr     p15, 0, r0, c1, c0, 2
    isb
    mov     r0, #FPEXC_EN
    vmsr    fpexc, r0

    ldr     r4, =__init_array_start
    ldr     r5, =__init_array_end
.Lconstruct:
    cmp     r4, r5
    bhs     .Lconstructed
    ldr     r0, [r4], #4
    blx     r0
    b       .Lconstruct
.Lconstructed:
    bl      kyu_main
.Lpark:
    cpsid   if
    wfi
    b       .Lpark
    .fnend
    .size _start, . - _start

@ r0 .. r1: whole words to zero.
    .type clear_words, %function
clear_words:
    .fnstart
    .cantunwind
    mov     r2, #0
1:  cmp     r0, r1
    strlo   r2, [r0], #4
    blo     1b
    bx      lr
    .fnend
    .size clear_words, . - clear_words

@ HYP has translation and caches of its own. Undo them, give PL1 the counters, go to SVC.
    .type leave_hyp, %function
leave_hyp:
    .fnstart
    .cantunwind
    bl      clean_invalidate_all
    mrc     p15, 4, r0, c1, c0, 0       @ HSCTLR
    bic     r0, r0, #(SCTLR_M | SCTLR_A | SCTLR_C)
    bic     r0, r0, #SCTLR_I
    mcr     p15, 4, r0, c1, c0, 0
    isb
    mov     r0, #0
    mcr     p15, 4, r0, c8, c7, 0       @ TLBIALLH
    mcr     p15, 4, r0, c1, c1, 0       @ HCR: trap nothing
    mcr     p15, 4, r0, c1, c1, 3       @ HSTR
    mrc     p15, 4, r1, c1, c1, 2       @ HCPTR: NEON too
    bic     r1, r1, #HCPTR_TRAP_CP10_CP11
    mcr     p15, 4, r1, c1, c1, 2
    mcrr    p15, 4, r0, r0, c14         @ CNTVOFF: the virtual counter is the physical one
    mrc     p15, 4, r1, c14, c1, 0      @ CNTHCTL: PL1 may use the physical timer
    orr     r1, r1, #3
    mcr     p15, 4, r1, c14, c1, 0
    dsb
    isb
    mov     r0, #(MODE_SVC | MASK_ALL)
    msr     spsr_cxsf, r0
    ldr     r0, =.Lin_svc
    msr     elr_hyp, r0
    eret
    .fnend
    .size leave_hyp, . - leave_hyp

@ Cleans and invalidates every data cache by set and way, level by level (ARM ARM B2.2.7). Uses
@ r0-r11 and no memory: it runs where a stack does not exist yet.
    .type clean_invalidate_all, %function
clean_invalidate_all:
    .fnstart
    .cantunwind
    dmb
    mrc     p15, 1, r0, c0, c0, 1       @ CLIDR
    ubfx    r1, r0, #24, #3             @ level of coherency
    mov     r2, #0                      @ level * 2, as CSSELR wants it
.Llevel:
    cmp     r1, r2, lsr #1
    ble     .Ldone
    add     r3, r2, r2, lsr #1          @ level * 3: its type in CLIDR
    lsr     r3, r0, r3
    and     r3, r3, #7
    cmp     r3, #2                      @ below 2: no data cache here
    blt     .Lnext_level
    mcr     p15, 2, r2, c0, c0, 0       @ CSSELR
    isb
    mrc     p15, 1, r3, c0, c0, 0       @ CCSIDR
    and     r4, r3, #7
    add     r4, r4, #4                  @ log2(line bytes)
    ubfx    r5, r3, #3, #10             @ ways - 1
    clz     r6, r5                      @ ways go at the top of the word
    ubfx    r7, r3, #13, #15            @ sets - 1
.Lset:
    mov     r8, r5
.Lway:
    orr     r9, r2, r8, lsl r6
    orr     r9, r9, r7, lsl r4
    mcr     p15, 0, r9, c7, c14, 2      @ DCCISW
    subs    r8, r8, #1
    bge     .Lway
    subs    r7, r7, #1
    bge     .Lset
.Lnext_level:
    add     r2, r2, #2
    b       .Llevel
.Ldone:
    mov     r0, #0
    mcr     p15, 2, r0, c0, c0, 0
    dsb
    isb
    bx      lr
    .fnend
    .size clean_invalidate_all, . - clean_invalidate_all

    .ltorg

    .section .bss.stacks, "aw", %nobits
    .balign 4096
    .global kyu_boot_stack
    .global kyu_boot_stack_top
kyu_boot_stack_guard:
    .space 4096                         @ unmapped by kyu_mmu_enable
kyu_boot_stack:
    .space 16384
kyu_boot_stack_top:
    .global kyu_boot_stack_guard
