// Interrupts, the alarm and the armed timers: the half of Kernel that time drives.
#include "kernel/kernel.hpp"

namespace kyu {

IrqsOff::IrqsOff(Kernel& kernel)
    : kernel_(kernel), outermost_(!port::irqs_are_off()), saved_(port::irq_save()) {}

IrqsOff::~IrqsOff() {
    if (outermost_) kernel_.end_irqs_off();
    port::irq_restore(saved_);
}

void Kernel::enter_irq() {
    CHECK(!in_irq_ && port::irqs_are_off());
    in_irq_ = true;
    ++irqs_;
}

void Kernel::handle_alarm(IrqContext& irq) {
    alarm_ = Instant::never();  // one-shot: it is spent
    const Instant now = port::now();
    // Bounded by what was armed when the interrupt came: a timer that arms itself again for a
    // time that has passed must not keep the others, and the threads, from running.
    for (std::size_t n = timers_.size(); n > 0; --n) {
        Timer* timer = timers_.pop_due(now);
        if (timer == nullptr) break;
        timer->kernel_ = nullptr;
        timer->callback_(irq, timer->argument_);
    }
    if (started_ && current_ != &idle_ && now >= slice_ends_) {
        if (ready_.has_level(current_->priority_)) {
            slice_over_ = true;
        } else {
            slice_ends_ = now + kTimeSlice;
        }
    }
    program_alarm();
}

const Thread* Kernel::look_for_starved(IrqContext& irq, unsigned limit) {
    IrqsOff off{irq};
    const Thread* worst = nullptr;
    for (Thread& thread : threads_) {
        if (thread.state_ != ThreadState::ready || &thread == &idle_) {
            thread.ready_looks_ = 0;
            continue;
        }
        if (++thread.ready_looks_ < limit) continue;
        if (worst == nullptr || thread.ready_looks_ > worst->ready_looks_) worst = &thread;
    }
    return worst;
}

void Kernel::program_alarm() {
    Instant when = timers_.next_deadline();
    if (started_ && current_ != &idle_ && !slice_over_ && ready_.has_level(current_->priority_)) {
        when = when < slice_ends_ ? when : slice_ends_;
    }
    if (when == alarm_) return;
    alarm_ = when;
    port::set_alarm(when);
}

void Kernel::arm(IrqsOff& /*off*/, Timer& timer, Instant deadline) {
    CHECK(timers_.size() < kTimersMax);
    disarm(timer);
    timer.kernel_ = this;
    timers_.insert(timer, deadline);
    program_alarm();
}

void Kernel::disarm(Timer& timer) {
    // The alarm stays as it is: one that comes too early costs less than setting it each time.
    if (!timer.armed()) return;
    timers_.remove(timer);
    timer.kernel_ = nullptr;
}

}  // namespace kyu
