// kernel/port.hpp and kernel/port_dma.hpp on the host: each call goes to the machine that runs.
//
// Rules     Outside of a machine (the driver, plain unit tests) interrupts count as off, time as
//           zero, the console is stderr, and halt() ends the process: a failed CHECK is loud.
#include "kernel/port.hpp"

#include <cstdio>
#include <cstdlib>

#include "base/check.hpp"
#include "kernel/port_dma.hpp"
#include "port/host/fibre.hpp"
#include "port/host/machine.hpp"

namespace kyu::port {
namespace {

host::Machine* machine() { return host::Machine::current(); }

/// Follows frame pointers as long as they stay in `stack` and go outwards.
__attribute__((no_sanitize("address"))) std::size_t walk_frames(std::uintptr_t pc,
                                                                std::uintptr_t fp,
                                                                std::span<const std::byte> stack,
                                                                std::span<std::uintptr_t> pcs) {
    const auto low = reinterpret_cast<std::uintptr_t>(stack.data());
    const std::uintptr_t high = low + stack.size();
    std::size_t count = 0;
    while (pc != 0 && count < pcs.size()) {
        pcs[count++] = pc;
        if (fp < low || fp + 2 * sizeof(fp) > high || fp % sizeof(fp) != 0) break;
        const auto* frame = reinterpret_cast<const std::uintptr_t*>(fp);
        pc = frame[1];
        if (frame[0] != 0 && frame[0] <= fp) break;
        fp = frame[0];
    }
    return count;
}

}  // namespace

void context_init(Context& context, std::span<std::byte> stack, void (*entry)(void*),
                  void* argument) {
    host::fibre_init(context, stack, entry, argument);
}

void context_switch(Context& from, Context& to) { machine()->switch_fibres(from, to); }

void context_start(Context& to) { machine()->start_fibre(to); }

unsigned irq_save() { return machine() == nullptr ? 1 : machine()->irq_save(); }

void irq_restore(unsigned saved) {
    if (machine() != nullptr) machine()->irq_restore(saved);
}

void irq_enable() { irq_restore(0); }

bool irqs_are_off() { return machine() == nullptr || machine()->irqs_off(); }

void wait_for_interrupt() { machine()->wait_for_interrupt(); }

void scheduling_point() {
    if (machine() != nullptr) machine()->scheduling_point();
}

bool exploring() { return machine() != nullptr && machine()->exploring(); }

unsigned choose(const ChoicePoint& point) { return machine()->choose(point); }

Instant now() { return machine() == nullptr ? Instant{} : machine()->now(); }

void set_alarm(Instant when) {
    if (machine() != nullptr) machine()->set_alarm(when);
}

std::uint64_t entropy() {
    CHECK(machine() != nullptr);
    return machine()->entropy();
}

void console_write_polled(std::string_view text) {
    if (machine() != nullptr) return machine()->write_crash(text);
    std::fwrite(text.data(), 1, text.size(), stderr);
}

std::span<std::byte> kept_memory() { return {}; }

void halt() {
    if (machine() != nullptr) machine()->halt();
    std::fflush(stderr);
    std::abort();
}

__attribute__((noinline, no_sanitize("address"))) void capture_registers(Registers& into) {
    const auto* frame = static_cast<const std::uintptr_t*>(__builtin_frame_address(0));
    into = Registers{};
    into.r[11] = frame[0];
    into.r[13] = reinterpret_cast<std::uintptr_t>(frame + 2);
    into.r[15] = frame[1];
}

std::size_t walk_stack(const Registers& start, std::span<const std::byte> stack,
                       std::span<std::uintptr_t> pcs) {
    return walk_frames(start.pc(), start.fp(), stack, pcs);
}

std::size_t walk_context(const Context& saved, std::span<const std::byte> stack,
                         std::span<std::uintptr_t> pcs) {
    const host::FibreFrame frame = host::fibre_frame(saved);
    return walk_frames(frame.pc, frame.fp, stack, pcs);
}

std::uintptr_t saved_stack_pointer(const Context& saved) { return saved.words[0]; }

std::string_view build_id() { return "0"; }

Kernel& current_kernel() {
    CHECK(machine() != nullptr);
    return machine()->kernel();
}

bool have_kernel() { return machine() != nullptr; }

void dma_clean(const void* /*start*/, std::size_t /*bytes*/) {}

void dma_invalidate(void* start, std::size_t bytes) {
    // The host has coherent memory; the rule that the board needs is checked all the same.
    CHECK(reinterpret_cast<std::uintptr_t>(start) % 64 == 0 && bytes % 64 == 0);
}

void barrier_before_device() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

void barrier_after_device() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

}  // namespace kyu::port
