@ memcpy, memmove, memset, memcmp, strlen: what the compiler calls by itself.
@
@ Rules     The ISO C contracts. Written here because most of the image's time goes into copies,
@           and because a fault in a copy must show its caller: each function says how to unwind,
@           to the board (.save) and to debuggers (.cfi).
@ Context   any. memcpy and memmove read with unaligned loads when source and destination are not
@           aligned alike; before the MMU is on, that would fault, so start-up code copies whole
@           aligned words only.

    .syntax unified

    .cfi_sections .debug_frame
    .section .text.memory, "ax", %progbits

@ What was pushed, the lowest first.
    .macro  pushed bytes, registers:vararg
    .save   {\registers}
    .cfi_adjust_cfa_offset \bytes
    .set    .Lslot, -(\bytes)
    .irp    register, \registers
    .cfi_offset \register, .Lslot
    .set    .Lslot, .Lslot + 4
    .endr
    .endm

@ The last bytes, fewer than 16, from r1 to \to: by the bits of the count in r2. Words and half
@ words may lie anywhere; of aligned words only words are touched.
    .macro  copy_rest to
    tst     r2, #8
    ldrne   r3, [r1], #4
    strne   r3, [\to], #4
    ldrne   r3, [r1], #4
    strne   r3, [\to], #4
    tst     r2, #4
    ldrne   r3, [r1], #4
    strne   r3, [\to], #4
    tst     r2, #2
    ldrhne  r3, [r1], #2
    strhne  r3, [\to], #2
    tst     r2, #1
    ldrbne  r3, [r1]
    strbne  r3, [\to]
    .endm

@ Few bytes need no stack: a leaf of its own, because each function unwinds in one way.
    .global memcpy
    .type memcpy, %function
memcpy:
    .fnstart
    .cfi_startproc
    cmp     r2, #16
    bhs     memcpy_many
    mov     r12, r0
    copy_rest r12
    bx      lr
    .cfi_endproc
    .fnend
    .size memcpy, . - memcpy

@ Copies upwards; r0 is kept as the result. Bulk: 32 bytes a turn.
    .type memcpy_many, %function
memcpy_many:
    .fnstart
    .cfi_startproc
    push    {r0, r4-r9, lr}
    pushed  32, r0, r4, r5, r6, r7, r8, r9, lr
.Lcopy_up:
    cmp     r2, #16                     @ memmove comes with any count
    blo     .Lcopy_up_rest
2:  tst     r0, #3                      @ align the destination
    beq     3f
    ldrb    r3, [r1], #1
    strb    r3, [r0], #1
    sub     r2, r2, #1
    b       2b
3:  tst     r1, #3
    bne     .Lcopy_up_unaligned
    subs    r2, r2, #32
    blo     5f
4:  pld     [r1, #96]
    ldmia   r1!, {r3-r9, r12}
    stmia   r0!, {r3-r9, r12}
    subs    r2, r2, #32
    bhs     4b
5:  tst     r2, #16                     @ 32 too little or not: these bits are right
    ldmiane r1!, {r3-r6}
    stmiane r0!, {r3-r6}
.Lcopy_up_rest:
    copy_rest r0
    pop     {r0, r4-r9, pc}

.Lcopy_up_unaligned:
    subs    r2, r2, #16
    blo     .Lcopy_up_rest
6:  ldr     r3, [r1], #4
    ldr     r4, [r1], #4
    ldr     r5, [r1], #4
    ldr     r6, [r1], #4
    subs    r2, r2, #16
    stmia   r0!, {r3-r6}
    bhs     6b
    b       .Lcopy_up_rest
    .cfi_endproc
    .fnend
    .size memcpy_many, . - memcpy_many

@ Copies upwards unless the destination begins inside the source.
    .global memmove
    .type memmove, %function
memmove:
    .fnstart
    .cfi_startproc
    push    {r0, r4-r9, lr}
    pushed  32, r0, r4, r5, r6, r7, r8, r9, lr
    sub     r3, r0, r1
    cmp     r3, r2
    bhs     .Lcopy_up
    add     r0, r0, r2
    add     r1, r1, r2
    eor     r3, r0, r1
    tst     r3, #3
    bne     4f
1:  tst     r0, #3
    beq     2f
    cmp     r2, #0
    beq     4f
    ldrb    r3, [r1, #-1]!
    strb    r3, [r0, #-1]!
    sub     r2, r2, #1
    b       1b
2:  subs    r2, r2, #16
    blo     3f
    ldmdb   r1!, {r3-r6}
    stmdb   r0!, {r3-r6}
    b       2b
3:  add     r2, r2, #16
4:  subs    r2, r2, #1
    ldrbhs  r3, [r1, #-1]!
    strbhs  r3, [r0, #-1]!
    bhi     4b
    pop     {r0, r4-r9, pc}
    .cfi_endproc
    .fnend
    .size memmove, . - memmove

    .global memset
    .type memset, %function
memset:
    .fnstart
    .cfi_startproc
    push    {r0, r4-r8, lr}
    pushed  28, r0, r4, r5, r6, r7, r8, lr
    and     r1, r1, #0xff
    orr     r1, r1, r1, lsl #8
    orr     r1, r1, r1, lsl #16
    cmp     r2, #16
    blo     4f
1:  tst     r0, #3
    strbne  r1, [r0], #1
    subne   r2, r2, #1
    bne     1b
    mov     r3, r1
    mov     r4, r1
    mov     r5, r1
2:  subs    r2, r2, #16
    stmiahs r0!, {r1, r3-r5}
    bhs     2b
    add     r2, r2, #16
4:  subs    r2, r2, #1
    strbhs  r1, [r0], #1
    bhi     4b
    pop     {r0, r4-r8, pc}
    .cfi_endproc
    .fnend
    .size memset, . - memset

    .global memcmp
    .type memcmp, %function
memcmp:
    .fnstart
    .cfi_startproc
    push    {r4, lr}
    pushed  8, r4, lr
    orr     r3, r0, r1
    tst     r3, #3
    bne     2f
1:  cmp     r2, #4                      @ equal words; bytes decide the rest
    blo     2f
    ldr     r3, [r0]
    ldr     r4, [r1]
    cmp     r3, r4
    bne     2f
    add     r0, r0, #4
    add     r1, r1, #4
    sub     r2, r2, #4
    b       1b
2:  subs    r2, r2, #1
    blo     3f
    ldrb    r3, [r0], #1
    ldrb    r4, [r1], #1
    subs    r3, r3, r4
    beq     2b
    mov     r0, r3
    pop     {r4, pc}
3:  mov     r0, #0
    pop     {r4, pc}
    .cfi_endproc
    .fnend
    .size memcmp, . - memcmp

    .global strlen
    .type strlen, %function
strlen:
    .fnstart
    .cfi_startproc
    mov     r1, r0
1:  ldrb    r2, [r1], #1
    cmp     r2, #0
    bne     1b
    sub     r0, r1, r0
    sub     r0, r0, #1
    bx      lr
    .cfi_endproc
    .fnend
    .size strlen, . - strlen

@ The run-time ABI's names for the same (RTABI 4.3.4); aeabi_memset has its own argument order.
    .macro alias name, target
    .global \name
    .type \name, %function
    .set \name, \target
    .endm
    alias __aeabi_memcpy, memcpy
    alias __aeabi_memcpy4, memcpy
    alias __aeabi_memcpy8, memcpy
    alias __aeabi_memmove, memmove
    alias __aeabi_memmove4, memmove
    alias __aeabi_memmove8, memmove

@ A label without a type is data to the linker, which then does not change state on the way there.
    .irp    name, __aeabi_memclr, __aeabi_memclr4, __aeabi_memclr8
    .global \name
    .type \name, %function
    .endr
__aeabi_memclr:
__aeabi_memclr4:
__aeabi_memclr8:
    .fnstart
    .cfi_startproc
    mov     r2, r1
    mov     r1, #0
    b       memset
    .cfi_endproc
    .fnend
    .size __aeabi_memclr, . - __aeabi_memclr

    .irp    name, __aeabi_memset, __aeabi_memset4, __aeabi_memset8
    .global \name
    .type \name, %function
    .endr
__aeabi_memset:
__aeabi_memset4:
__aeabi_memset8:
    .fnstart
    .cfi_startproc
    mov     r3, r1
    mov     r1, r2
    mov     r2, r3
    b       memset
    .cfi_endproc
    .fnend
    .size __aeabi_memset, . - __aeabi_memset
