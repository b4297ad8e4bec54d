@ From one thread to another.
@
@ Rules     A saved thread is the callee-saved registers: words 0..7 of Context are r4-r11, word 8
@           is sp, word 9 the address to go on at. Caller-saved ones are dead across the call, and
@           an interrupt frame below has its own copies. NEON's d16-d31 are caller-saved like
@           them, and kept by whoever interrupts (neon.hpp); nobody uses the others.
@ Context   SVC mode, interrupts off (kernel/port.hpp).

    .syntax unified

    .equ CONTEXT_SP, 32

    .section .text.switch, "ax", %progbits

@ void kyu_context_switch(Context* from, Context* to)
    .global kyu_context_switch
    .type kyu_context_switch, %function
kyu_context_switch:
    .fnstart
    stmia   r0, {r4-r11}
    str     sp, [r0, #CONTEXT_SP]
    str     lr, [r0, #CONTEXT_SP + 4]
    mov     r0, r1
    @ falls through
    .fnend
    .size kyu_context_switch, . - kyu_context_switch

@ void kyu_context_start(Context* to)
    .global kyu_context_start
    .type kyu_context_start, %function
kyu_context_start:
    .fnstart
    .cantunwind
    clrex                               @ an exclusive access must not span two threads
    ldmia   r0, {r4-r11}
    ldr     sp, [r0, #CONTEXT_SP]
    ldr     pc, [r0, #CONTEXT_SP + 4]
    .fnend
    .size kyu_context_start, . - kyu_context_start

@ Where a new thread begins: r4 = entry, r5 = argument. The outermost frame of every walk.
    .global kyu_thread_begin
    .type kyu_thread_begin, %function
kyu_thread_begin:
    .fnstart
    .cantunwind
    mov     r0, r5
    blx     r4
1:  cpsid   if                          @ an entry never returns
    wfi
    b       1b
    .fnend
    .size kyu_thread_begin, . - kyu_thread_begin

@ void kyu_capture_registers(std::uint32_t into[17]): r0-r15 and cpsr of the caller as they are on
@ return. r0-r3 and r12 are the callee's to destroy, so what they hold means nothing.
    .global kyu_capture_registers
    .type kyu_capture_registers, %function
kyu_capture_registers:
    .fnstart
    stmia   r0, {r0-r12}
    str     sp, [r0, #52]
    str     lr, [r0, #56]
    str     lr, [r0, #60]
    mrs     r1, cpsr
    str     r1, [r0, #64]
    bx      lr
    .fnend
    .size kyu_capture_registers, . - kyu_capture_registers
