#include "kernel/timer.hpp"

#include "kernel/kernel.hpp"
#include "kernel/port.hpp"

namespace kyu {

void DeadlineQueue::insert(Timer& timer, Instant deadline) {
    timer.deadline_ = deadline;
    ++size_;
    // From the far end: a new deadline is most often later than those already armed.
    Timer* after = nullptr;
    for (Timer* at = timers_.back(); at != nullptr && at->deadline_ > deadline;
         at = timers_.previous(*at)) {
        after = at;
    }
    if (after == nullptr) {
        timers_.push_back(timer);
    } else {
        timers_.insert_before(*after, timer);
    }
}

void DeadlineQueue::remove(Timer& timer) {
    IntrusiveList<Timer, TimerTag>::remove(timer);
    --size_;
}

Instant DeadlineQueue::next_deadline() {
    const Timer* timer = timers_.front();
    return timer == nullptr ? Instant::never() : timer->deadline_;
}

Timer* DeadlineQueue::pop_due(Instant now) {
    Timer* timer = timers_.front();
    if (timer == nullptr || timer->deadline_ > now) return nullptr;
    remove(*timer);
    return timer;
}

Timer::~Timer() {
    const unsigned saved = port::irq_save();
    if (armed()) kernel_->disarm(*this);
    port::irq_restore(saved);
}

void Timer::arm(ThreadContext& self, Instant deadline) {
    if (deadline == Instant::never()) {
        cancel(self);
        return;
    }
    IrqsOff off{self};
    self.kernel().arm(off, *this, deadline);
}

void Timer::arm(IrqContext& irq, Instant deadline) {
    if (deadline == Instant::never()) {
        cancel(irq);
        return;
    }
    IrqsOff off{irq};
    irq.kernel().arm(off, *this, deadline);
}

bool Timer::cancel(ThreadContext& self) {
    IrqsOff off{self};
    const bool was_armed = armed();
    self.kernel().disarm(*this);
    return was_armed;
}

bool Timer::cancel(IrqContext& irq) {
    IrqsOff off{irq};
    const bool was_armed = armed();
    irq.kernel().disarm(*this);
    return was_armed;
}

}  // namespace kyu
