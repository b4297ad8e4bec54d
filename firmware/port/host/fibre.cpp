#include "port/host/fibre.hpp"

#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#define KYU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KYU_ASAN 1
#endif
#endif

// A function that changes stacks must keep its locals on the real one: after the switch, or after
// the last use of a fibre, AddressSanitizer's stand-in is another's or gone.
#define KYU_ON_REAL_STACK __attribute__((no_sanitize("address")))

#if defined(KYU_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// kyu_fibre_switch(from, to): pushes what the calling convention says a callee keeps, stores the
// stack pointer in *from, loads it from *to and pops the same.
// kyu_fibre_begin: where a new fibre's first switch returns to: moves entry and argument from kept
// registers to where a call wants them. A zero return address and frame pointer end stack walks.
#if defined(__x86_64__)
asm(R"(
    .text
    .p2align 4
    .type kyu_fibre_switch, @function
kyu_fibre_switch:
    endbr64
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size kyu_fibre_switch, .-kyu_fibre_switch
    .p2align 4
    .type kyu_fibre_begin, @function
kyu_fibre_begin:
    endbr64
    movq %r12, %rdi
    xorl %ebp, %ebp
    pushq $0
    jmpq *%r13
    .size kyu_fibre_begin, .-kyu_fibre_begin
)");
namespace {
constexpr std::size_t kSavedWords = 7;  // r15 r14 r13 r12 rbx rbp return
constexpr std::size_t kArgumentWord = 3;
constexpr std::size_t kEntryWord = 2;
constexpr std::size_t kFrameWord = 5;
constexpr std::size_t kReturnWord = 6;
}  // namespace
#elif defined(__aarch64__)
asm(R"(
    .text
    .p2align 4
    .type kyu_fibre_switch, %function
kyu_fibre_switch:
    hint #34
    sub sp, sp, #160
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    ldr x9, [x1]
    mov sp, x9
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size kyu_fibre_switch, .-kyu_fibre_switch
    .p2align 4
    .type kyu_fibre_begin, %function
kyu_fibre_begin:
    hint #36
    mov x0, x19
    mov x29, #0
    mov x30, #0
    br x20
    .size kyu_fibre_begin, .-kyu_fibre_begin
)");
namespace {
constexpr std::size_t kSavedWords = 20;
constexpr std::size_t kArgumentWord = 0;
constexpr std::size_t kEntryWord = 1;
constexpr std::size_t kFrameWord = 10;
constexpr std::size_t kReturnWord = 11;
}  // namespace
#else
#error "the hosted port knows x86-64 and aarch64"
#endif

extern "C" {
void kyu_fibre_switch(std::uintptr_t* from, const std::uintptr_t* to);
void kyu_fibre_begin();
}

namespace kyu::host {
namespace {

constexpr std::size_t kSp = 0;
#if defined(KYU_ASAN)
constexpr std::size_t kFakeStack = 1;
constexpr std::size_t kStackLow = 2;
constexpr std::size_t kStackSize = 3;

// Who switched here: its stack is known only on arrival, when AddressSanitizer tells it. This is
// how the driver's context, which nobody initialised, learns where the host thread's stack lies.
thread_local port::Context* left_from = nullptr;

KYU_ON_REAL_STACK void before_switch(port::Context* from, const port::Context& to) {
    left_from = from;
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(from == nullptr ? nullptr : &fake,
                                   reinterpret_cast<const void*>(to.words[kStackLow]),
                                   to.words[kStackSize]);
    if (from != nullptr) from->words[kFakeStack] = reinterpret_cast<std::uintptr_t>(fake);
}

KYU_ON_REAL_STACK void after_switch(const port::Context* self) {
    const void* low = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(
        self == nullptr ? nullptr : reinterpret_cast<void*>(self->words[kFakeStack]), &low, &size);
    if (left_from != nullptr) {
        left_from->words[kStackLow] = reinterpret_cast<std::uintptr_t>(low);
        left_from->words[kStackSize] = size;
    }
}
#else
void before_switch(port::Context* /*from*/, const port::Context& /*to*/) {}
void after_switch(const port::Context* /*self*/) {}
#endif

struct Start {
    void (*entry)(void*);
    void* argument;
};

/// The first function of each fibre. Start lies at the top of the fibre's own stack.
[[noreturn]] KYU_ON_REAL_STACK void fibre_main(void* start) {
    after_switch(nullptr);
    const Start begin = *static_cast<Start*>(start);
    begin.entry(begin.argument);
    __builtin_trap();
}

}  // namespace

void fibre_init(port::Context& context, std::span<std::byte> stack, void (*entry)(void*),
                void* argument) {
    fibre_forget(stack);
    context = port::Context{};
    const auto end = reinterpret_cast<std::uintptr_t>(stack.data() + stack.size());
    std::uintptr_t top = (end - sizeof(Start)) & ~std::uintptr_t{15};
    const Start start{entry, argument};
    std::memcpy(reinterpret_cast<void*>(top), &start, sizeof start);
    const std::uintptr_t start_address = top;
    top -= 16 + kSavedWords * sizeof(std::uintptr_t);
    top &= ~std::uintptr_t{15};
#if defined(__x86_64__)
    // At kyu_fibre_begin the stack pointer is as before a call: begin pushes the return address.
    top += sizeof(std::uintptr_t);
#endif
    auto* words = reinterpret_cast<std::uintptr_t*>(top);
    std::memset(words, 0, kSavedWords * sizeof(std::uintptr_t));
    words[kArgumentWord] = start_address;
    words[kEntryWord] = reinterpret_cast<std::uintptr_t>(&fibre_main);
    words[kReturnWord] = reinterpret_cast<std::uintptr_t>(&kyu_fibre_begin);
    context.words[kSp] = top;
#if defined(KYU_ASAN)
    context.words[kStackLow] = reinterpret_cast<std::uintptr_t>(stack.data());
    context.words[kStackSize] = stack.size();
#endif
}

KYU_ON_REAL_STACK void fibre_switch(port::Context& from, port::Context& to) {
    before_switch(&from, to);
    kyu_fibre_switch(&from.words[kSp], &to.words[kSp]);
    after_switch(&from);
}

KYU_ON_REAL_STACK void fibre_leave(port::Context& to) {
    port::Context gone;
    before_switch(nullptr, to);
    kyu_fibre_switch(&gone.words[kSp], &to.words[kSp]);
    __builtin_trap();
}

void fibre_forget([[maybe_unused]] std::span<std::byte> stack) {
#if defined(KYU_ASAN)
    __asan_unpoison_memory_region(stack.data(), stack.size());
#endif
}

FibreFrame fibre_frame(const port::Context& context) {
    const std::uintptr_t sp = context.words[kSp];
    if (sp == 0) return {};
    const auto* words = reinterpret_cast<const std::uintptr_t*>(sp);
    return {words[kReturnWord], words[kFrameWord], sp + kSavedWords * sizeof(std::uintptr_t)};
}

}  // namespace kyu::host
