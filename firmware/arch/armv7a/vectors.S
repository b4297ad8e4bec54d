@ Exceptions: the vector table, the way in and out of an interrupt, the way into a crash.
@
@ Rules     An interrupt runs in SVC mode on the interrupted thread's own stack, so that the kernel
@           may switch threads at its end. Its frame, from low to high:
@               pad, lr_svc            pad = 0 or 4: what aligned the stack to 8 bytes
@               (pad bytes)
@               r0 r1 r2 r3 r12 lr pc cpsr
@           unwind.cpp knows this frame (InterruptFrame) by a pc between kyu_irq_frame_begin and
@           kyu_irq_frame_end.
@           A fast interrupt is the watchdog's (exceptions.hpp) and switches nothing.
@           Anything else is a crash. Each mode's sp points at its own TrapFrame (exceptions.hpp);
@           sp never moves. The crash runs in SVC mode on a stack of its own, because the thread's
@           may be the reason; a second one gets a second stack, a third stops the core.
@ Context   entered by the processor with interrupts off, in ARM state (SCTLR.TE is clear) whatever
@           state it interrupts: srs and rfe, spsr and movs carry that along.

#include "arch/armv7a/trap_frame.h"

    .syntax unified
    .arch_extension sec
    .cfi_sections .debug_frame

    .equ MODE_MASK, 0x1f
    .equ MODE_USR, 0x10
    .equ MODE_SVC, 0x13
    .equ MODE_SYS, 0x1f
    .equ MASK_IF, 0xc0
    .equ THUMB_STATE, 0x20

    .section .text.vectors, "ax", %progbits
    .balign 32
    .global kyu_vectors
    .type kyu_vectors, %function
kyu_vectors:
    .fnstart
    .cantunwind
    b       reset_vector
    b       undefined_vector
    b       svc_vector
    b       prefetch_vector
    b       data_vector
    b       reserved_vector
    b       irq_vector
    b       fiq_vector
    .fnend
    .size kyu_vectors, . - kyu_vectors

    .type irq_vector, %function
irq_vector:
    .fnstart
    .cantunwind
    .cfi_startproc
    .cfi_signal_frame
    sub     lr, lr, #4
    srsdb   sp!, #MODE_SVC
    cps     #MODE_SVC
    push    {r0-r3, r12, lr}
    and     r1, sp, #4
    sub     sp, sp, r1
    push    {r1, lr}
    clrex                               @ an exclusive access of the thread must not span this
    @ For debuggers: the interrupted stack begins at sp + 40 + pad, the frame below it.
    .cfi_escape 0x0f, 6, 0x7d, 0, 0x06, 0x7d, 40, 0x22
    .cfi_offset r0, -32
    .cfi_offset r1, -28
    .cfi_offset r2, -24
    .cfi_offset r3, -20
    .cfi_offset r12, -16
    .cfi_offset lr, -12
    .cfi_offset pc, -8
    bl      kyu_handle_irq
    .global kyu_irq_frame_begin
kyu_irq_frame_begin:
    pop     {r1, lr}
    add     sp, sp, r1
    pop     {r0-r3, r12, lr}
    rfeia   sp!
    .global kyu_irq_frame_end
kyu_irq_frame_end:
    .cfi_endproc
    .fnend
    .size irq_vector, . - irq_vector

@ Saves r0-r12 in this mode's trap frame; the rest is common to all crashes.
    .macro crash_vector name, kind, back
    .type \name, %function
\name:
    .fnstart
    .cantunwind
    stmia   sp, {r0-r12}
    sub     r1, lr, #\back
    mov     r2, #\kind
    b       crash_common
    .fnend
    .size \name, . - \name
    .endm

    crash_vector reset_vector, TRAP_RESERVED, 4
    crash_vector prefetch_vector, TRAP_PREFETCH_ABORT, 4
    crash_vector data_vector, TRAP_DATA_ABORT, 8
    crash_vector reserved_vector, TRAP_RESERVED, 4

@ The fast interrupt belongs to the watchdog: it comes when ordinary interrupts are off, too. Its
@ trap frame lies on a stack of its own, and it returns to the very instruction.
    .type fiq_vector, %function
fiq_vector:
    .fnstart
    .cantunwind
    sub     lr, lr, #4
    sub     sp, sp, #TRAP_FRAME_BYTES
    stmia   sp, {r0-r7}
    mrs     r0, spsr
    str     lr, [sp, #TRAP_PC]
    str     r0, [sp, #TRAP_CPSR]
    mov     r1, #TRAP_FIQ
    str     r1, [sp, #TRAP_KIND]
    add     r2, sp, #TRAP_R8
    mrs     r4, cpsr
    and     r3, r0, #MODE_MASK
    cmp     r3, #MODE_USR
    moveq   r3, #MODE_SYS
    bic     r5, r4, #0xff
    orr     r3, r3, #MASK_IF
    orr     r5, r5, r3
    msr     cpsr_cxsf, r5               @ r8-r14 of whoever was interrupted
    stmia   r2!, {r8-r12}
    str     sp, [r2]
    str     lr, [r2, #4]
    msr     cpsr_cxsf, r4
    mov     r0, sp
    bl      kyu_handle_fiq
    clrex                               @ an exclusive access must not span this
    ldr     lr, [sp, #TRAP_PC]
    ldmia   sp, {r0-r7}
    add     sp, sp, #TRAP_FRAME_BYTES
    movs    pc, lr
    .fnend
    .size fiq_vector, . - fiq_vector

@ The return address of these two depends on the length of the instruction: 4 or 2 bytes.
    .macro crash_vector_by_state name, kind
    .type \name, %function
\name:
    .fnstart
    .cantunwind
    stmia   sp, {r0-r12}
    mrs     r0, spsr
    tst     r0, #THUMB_STATE
    subeq   r1, lr, #4
    subne   r1, lr, #2
    mov     r2, #\kind
    b       crash_common
    .fnend
    .size \name, . - \name
    .endm

    crash_vector_by_state undefined_vector, TRAP_UNDEFINED

@ SVC shares its mode with the threads: sp is the thread's, so the frame is found by name.
    .type svc_vector, %function
svc_vector:
    .fnstart
    .cantunwind
    push    {r0, r12}
    ldr     r12, =kyu_trap_frame_svc
    stmia   r12, {r0-r11}
    pop     {r0, r1}
    str     r1, [r12, #48]
    mov     r3, r12
    mrs     r0, spsr
    tst     r0, #THUMB_STATE
    subeq   r1, lr, #4
    subne   r1, lr, #2
    mov     r2, #TRAP_SVC
    str     sp, [r3, #TRAP_SP]
    str     lr, [r3, #TRAP_LR]
    b       .Lcrash_with_frame
    .fnend
    .size svc_vector, . - svc_vector

@ r1 = address of the instruction, r2 = kind, sp = frame of this mode.
    .type crash_common, %function
crash_common:
    .fnstart
    .cantunwind
    mrs     r0, spsr
    mov     r3, sp
    and     r4, r0, #MODE_MASK
    cmp     r4, #MODE_USR
    moveq   r4, #MODE_SYS               @ the same registers, and a way back
    orr     r4, r4, #MASK_IF
    mrs     r5, cpsr
    bic     r5, r5, #0xff
    orr     r5, r5, r4
    msr     cpsr_cxsf, r5               @ sp and lr of whoever was interrupted
    str     sp, [r3, #TRAP_SP]
    str     lr, [r3, #TRAP_LR]
.Lcrash_with_frame:
    str     r1, [r3, #TRAP_PC]
    str     r0, [r3, #TRAP_CPSR]
    str     r2, [r3, #TRAP_KIND]
    mrs     r5, cpsr
    bic     r5, r5, #0xff
    orr     r5, r5, #(MODE_SVC | MASK_IF)
    msr     cpsr_cxsf, r5
    ldr     r5, =kyu_crash_depth
    ldr     r6, [r5]
    add     r6, r6, #1
    str     r6, [r5]
    cmp     r6, #2
    ldrlo   sp, =kyu_crash_stack_top
    ldreq   sp, =kyu_nested_crash_stack_top
    bhi     .Lstop
    mov     r0, r3
    bl      kyu_handle_crash
.Lstop:
    cpsid   if
    wfi
    b       .Lstop
    .fnend
    .size crash_common, . - crash_common

    .ltorg

    .section .bss.trap_frames, "aw", %nobits
    .balign 8
    .macro trap_frame name
    .global \name
\name:
    .space TRAP_FRAME_BYTES
    .endm
    trap_frame kyu_trap_frame_irq
    trap_frame kyu_trap_frame_und
    trap_frame kyu_trap_frame_abt
    trap_frame kyu_trap_frame_svc
    .global kyu_crash_depth
kyu_crash_depth:
    .space 4

    .section .bss.stacks, "aw", %nobits
    .balign 4096
    .global kyu_crash_stack_guard
    .global kyu_crash_stack
    .global kyu_crash_stack_top
    .global kyu_nested_crash_stack_top
kyu_crash_stack_guard:
    .space 4096                         @ unmapped by kyu_mmu_enable
kyu_crash_stack:
    .space 16384
kyu_crash_stack_top:
kyu_nested_crash_stack:
    .space 8192
kyu_nested_crash_stack_top:
    .global kyu_fiq_stack
    .global kyu_fiq_stack_top
kyu_fiq_stack:
    .space 16384                        @ a hang is reported on it
kyu_fiq_stack_top:
