// kernel/port.hpp on ARMv7-A: what needs no device. The rest is the composition root's
// (board_init.cpp): time, the alarm, the polled console, the Kernel.
//
// Context   said in kernel/port.hpp.
#include "kernel/port.hpp"

#include <algorithm>
#include <cstddef>

#include "arch/armv7a/cp15.hpp"
#include "arch/armv7a/image.hpp"
#include "arch/armv7a/mmu.hpp"
#include "base/check.hpp"

extern "C" {
void kyu_context_switch(std::uintptr_t* from, std::uintptr_t* to);
[[noreturn]] void kyu_context_start(std::uintptr_t* to);
void kyu_thread_begin();
}

namespace kyu::port {
namespace {

constexpr unsigned kCpsrIrqOff = 1U << 7U;
constexpr std::size_t kEntry = 0;
constexpr std::size_t kArgument = 1;
constexpr std::size_t kSp = 8;
constexpr std::size_t kPc = 9;

unsigned read_cpsr() {
    unsigned value;
    __asm__ volatile("mrs %0, cpsr" : "=r"(value)::"memory");
    return value;
}

}  // namespace

void context_init(Context& context, std::span<std::byte> stack, void (*entry)(void*),
                  void* argument) {
    const auto top = reinterpret_cast<std::uintptr_t>(stack.data() + stack.size());
    context = Context{};
    context.words[kEntry] = reinterpret_cast<std::uintptr_t>(entry);
    context.words[kArgument] = reinterpret_cast<std::uintptr_t>(argument);
    context.words[kSp] = top & ~std::uintptr_t{7};  // AAPCS: 8 bytes at every call
    context.words[kPc] = reinterpret_cast<std::uintptr_t>(&kyu_thread_begin);
}

void guard_pages(std::span<std::byte> pages) {
    for (std::size_t at = 0; at < pages.size(); at += kPageBytes) {
        CHECK(arch::unmap_page(pages.data() + at));
    }
}

void unguard_pages(std::span<std::byte> pages) {
    for (std::size_t at = 0; at < pages.size(); at += kPageBytes) {
        CHECK(arch::map_page(pages.data() + at));
    }
}

void context_switch(Context& from, Context& to) {
    kyu_context_switch(from.words.data(), to.words.data());
}

void context_start(Context& to) { kyu_context_start(to.words.data()); }

std::uintptr_t saved_stack_pointer(const Context& saved) { return saved.words[kSp]; }

unsigned irq_save() {
    const unsigned saved = read_cpsr();
    __asm__ volatile("cpsid i" ::: "memory");
    return saved;
}

void irq_restore(unsigned saved) {
    if ((saved & kCpsrIrqOff) == 0) irq_enable();
}

void irq_enable() { __asm__ volatile("cpsie i" ::: "memory"); }

bool irqs_are_off() { return (read_cpsr() & kCpsrIrqOff) != 0; }

void wait_for_interrupt() {
    arch::dsb();
    __asm__ volatile("wfi" ::: "memory");
}

void halt() {
    __asm__ volatile("cpsid if" ::: "memory");
    for (;;) wait_for_interrupt();
}

static_assert(sizeof(Registers) == 17 * sizeof(std::uintptr_t) && offsetof(Registers, r) == 0);

// Without a frame of its own: the registers are the caller's, and the walk begins in a frame that
// still stands. One that has returned is overwritten by the next call.
[[gnu::naked]] void capture_registers(Registers& /*into*/) {
    __asm__ volatile("b kyu_capture_registers");
}

std::string_view build_id() {
    // An ELF note: three words (name size, description size, type), the name "GNU\0", the identity.
    constexpr std::size_t kHeader = 16;
    static std::array<char, 64> hex;
    const auto* note = reinterpret_cast<const unsigned char*>(__build_id_start);
    const auto bytes = static_cast<std::size_t>(__build_id_end - __build_id_start);
    if (bytes <= kHeader) return "unknown";
    const std::size_t count = std::min(bytes - kHeader, hex.size() / 2);
    for (std::size_t i = 0; i < count; ++i) {
        hex[2 * i] = "0123456789abcdef"[note[kHeader + i] >> 4U];
        hex[2 * i + 1] = "0123456789abcdef"[note[kHeader + i] & 15U];
    }
    return {hex.data(), 2 * count};
}

}  // namespace kyu::port
