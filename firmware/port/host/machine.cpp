#include "port/host/machine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/check.hpp"
#include "kernel/panic.hpp"
#include "port/host/fibre.hpp"

namespace kyu::host {
namespace {

thread_local Machine* running = nullptr;

}  // namespace

const char* to_text(Stop stop) {
    switch (stop) {
        case Stop::deadline: return "deadline";
        case Stop::idle: return "idle";
        case Stop::asked: return "asked";
        case Stop::crashed: return "crashed";
    }
    return "?";
}

Machine::Machine(const MachineConfig& config)
    : kernel_(std::make_unique<Kernel>()),
      boot_stack_(std::make_unique<std::array<std::byte, kBootStack>>()),
      config_(config),
      random_state_(config.seed) {
    fibre_init(boot_, *boot_stack_, &Machine::boot, this);
}

Machine::~Machine() { switch_off(); }

void Machine::switch_off() {
    CHECK(running != this);
    for (Thread& thread : kernel_->threads()) fibre_forget(thread.stack());
    kernel_->power_off();
}

Machine* Machine::current() { return running; }

void Machine::boot(void* machine) { static_cast<Machine*>(machine)->kernel_->start(); }

Stop Machine::run_until(Instant limit) {
    CHECK(running == nullptr);
    if (crashed_) return Stop::crashed;
    limit_ = std::max(limit, now_);
    stop_requested_ = false;
    running = this;
    fibre_switch(driver_, *resume_);
    running = nullptr;
    if (crashed_) {
        for (Thread& thread : kernel_->threads()) fibre_forget(thread.stack());
        kernel_->power_off();
    }
    return stop_;
}

void Machine::at(Instant when, IrqHandler handler) {
    events_.emplace(std::max(when, now_), std::move(handler));
}

Instant Machine::next_interrupt() const {
    return events_.empty() ? alarm_ : std::min(alarm_, events_.begin()->first);
}

Instant Machine::next_event() const { return std::min(next_interrupt(), busy_until_); }

bool Machine::interrupt_pending() const { return next_interrupt() <= now_; }

void Machine::pause(Stop why) {
    stop_ = why;
    resume_ = &paused_;
    fibre_switch(paused_, driver_);
}

void Machine::advance_to(Instant when) {
    if (when <= now_) return;
    now_ = when;
    standstill_ = 0;
}

/// Takes the interrupts whose time has come, as the processor does when they are on.
void Machine::deliver_due() {
    while (!irqs_off_ && interrupt_pending()) {
        irqs_off_ = true;
        if (events_.empty() || alarm_ <= events_.begin()->first) {
            alarm_ = Instant::never();
            kernel_->run_irq([this](IrqContext& irq) { kernel_->handle_alarm(irq); });
        } else {
            // A member, not a local: a panic in the handler leaves this frame without unwinding.
            event_in_progress_ = events_.extract(events_.begin());
            kernel_->run_irq(event_in_progress_.mapped());
            event_in_progress_ = {};
        }
        kernel_->preempt_if_needed();
        irqs_off_ = false;
    }
}

void Machine::wait_for_interrupt() {
    for (;;) {
        const Instant next = next_interrupt();
        if (stop_requested_) {
            pause(Stop::asked);
        } else if (next <= limit_ && next != Instant::never()) {
            advance_to(next);
            return deliver_due();
        } else if (limit_ == Instant::never()) {
            pause(Stop::idle);
        } else {
            advance_to(limit_);
            pause(Stop::deadline);
        }
    }
}

void Machine::spend(Duration duration) {
    Duration left = duration;
    while (left > Duration{}) {
        Instant target = std::min(now_ + left, limit_);
        if (!irqs_off_) target = std::min(target, next_interrupt());
        target = std::max(target, now_);
        left = left - (target - now_);
        advance_to(target);
        deliver_due();
        if (left > Duration{} && now_ >= limit_) {
            busy_until_ = now_ + left;
            pause(Stop::deadline);
            busy_until_ = Instant::never();
        }
    }
}

void Machine::scheduling_point() {
    if (irqs_off_ || !kernel_->started()) return;
    if (config_.step > Duration{}) {
        spend(config_.step);
    } else if (++standstill_ > kStandstillMax) {
        panic("the clock stands still: a thread spins without sleeping or spending time");
    }
    deliver_due();
    if (hook_) hook_(*this);
    if (exploring()) explore_point();
}

void Machine::marked_point() {
    if (!exploring() || irqs_off_ || !kernel_->started()) return;
    Thread* thread = kernel_->current();
    if (thread != nullptr && Kernel::held_by(*thread).empty()) {
        kernel_->trace("unlocked", thread->id());
    }
    explore_point();
}

void Machine::explore_point() {
    const unsigned steps = choose({.kind = ChoiceKind::time, .options = kChoiceTimeMax + 1});
    if (steps > 0) spend(Duration::from_us(kChoiceTimeUnit.us() * steps));
    // While it paused the driver may have ended the exploration.
    if (exploring()) kernel_->explore_point();
}

unsigned Machine::irq_save() {
    const unsigned saved = irqs_off_ ? 1 : 0;
    irqs_off_ = true;
    return saved;
}

void Machine::irq_restore(unsigned saved) {
    irqs_off_ = saved != 0;
    deliver_due();
}

std::uint64_t Machine::entropy() {
    // splitmix64: every seed gives a full period, including zero.
    random_state_ += 0x9E37'79B9'7F4A'7C15U;
    std::uint64_t z = random_state_;
    z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
    return z ^ (z >> 31U);
}

void Machine::switch_fibres(port::Context& from, port::Context& to) {
    if (stop_requested_) {
        stop_ = Stop::asked;
        resume_ = &to;
        return fibre_switch(from, driver_);
    }
    fibre_switch(from, to);
}

void Machine::start_fibre(port::Context& to) {
    if (stop_requested_) {
        stop_ = Stop::asked;
        resume_ = &to;
        fibre_leave(driver_);
    }
    fibre_leave(to);
}

void Machine::write_crash(std::string_view text) {
    console_text_.append(text);
    crash_.text.append(text);
}

void Machine::halt() {
    const CrashState& state = kernel_->crash();
    crash_.kind = state.kind;
    crash_.reason = state.reason.view();
    if (const Thread* thread = kernel_->current(); thread != nullptr) {
        crash_.thread = thread->name();
    }
    crashed_ = true;
    stop_ = Stop::crashed;
    fibre_leave(driver_);
}

}  // namespace kyu::host
