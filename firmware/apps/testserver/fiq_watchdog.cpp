#include "apps/testserver/fiq_watchdog.hpp"

#include "arch/armv7a/exceptions.hpp"
#include "drivers/timer/cp15_timer.hpp"
#include "drivers/timer/timer.hpp"
#include "kernel/interrupt_watch.hpp"
#include "kernel/panic.hpp"

namespace kyu::app {
namespace {

/// A fast interrupt that is armed for "now" is there within this time, or never.
constexpr Duration kTrial = Duration::from_ms(200);

struct State {
    GenericTimer<Cp15PhysicalTimer> timer;
    InterruptWatch watch{};
    Kernel* kernel;
    BoardGic* gic;
    volatile std::uint32_t ticks{0};
};
State* state;

[[noreturn]] void report_storm(const Registers& where) {
    const unsigned id = state->gic->latest();
    // Bit 0 of a pointer to a function is its state.
    const auto entry = reinterpret_cast<std::uintptr_t>(state->gic->handler_of(id)) & ~1U;
    const Symbol handler = port::lookup(entry);
    panic_at(where, PanicKind::hang,
             "interrupt storm: number {}, served by {} -- {:08x}, comes without end", id,
             handler.name.empty() ? "nobody" : handler.name, entry);
}

void report(InterruptTrouble trouble, const Registers& where) {
    constexpr std::int64_t kForMs = kInterruptWatchTicks * kInterruptWatchPeriod.ms();
    const Thread* thread = state->kernel->current();
    const char* name = thread == nullptr ? "-" : thread->name();
    switch (trouble) {
        case InterruptTrouble::none: return;
        case InterruptTrouble::off:
            panic_at(where, PanicKind::hang, "{} keeps interrupts off for {} ms", name, kForMs);
        case InterruptTrouble::handler:
            panic_at(where, PanicKind::hang,
                     "the handler of interrupt {} does not return for {} ms", state->gic->latest(),
                     kForMs);
        case InterruptTrouble::storm: report_storm(where);
    }
}

void on_fiq(const arch::TrapFrame& interrupted) {
    state->gic->serve_fast(
        [] { state->timer.set_alarm(state->timer.now() + kInterruptWatchPeriod); });
    state->ticks = state->ticks + 1;
    Kernel& kernel = *state->kernel;
    if (!kernel.started() || kernel.crash().depth > 0) return;
    const InterruptTrouble trouble = state->watch.tick(kernel.irq_count(), kernel.in_irq());
    if (trouble != InterruptTrouble::none) report(trouble, arch::registers_of(interrupted));
}

}  // namespace

bool start_fiq_watchdog(Board& board) {
    static State the_state{.timer = GenericTimer<Cp15PhysicalTimer>{Cp15PhysicalTimer{}},
                           .kernel = &board.kernel,
                           .gic = &board.gic};
    state = &the_state;
    arch::set_fiq_handler(&on_fiq);
    board.gic.make_fast(static_cast<unsigned>(board::Irq::timer_secure));
    arch::enable_fiq();
    const Instant end = port::now() + kTrial;
    the_state.timer.set_alarm(the_state.timer.now());
    while (the_state.ticks == 0 && port::now() < end) {
    }
    if (the_state.ticks == 0) the_state.timer.disarm();
    return the_state.ticks > 0;
}

}  // namespace kyu::app
