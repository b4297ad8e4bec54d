#include "kernel/condvar.hpp"

#include "base/caller.hpp"
#include "kernel/kernel.hpp"

namespace kyu {

bool CondVar::wait(ThreadContext& self, Mutex& mutex, Instant deadline) {
    CHECK(mutex.held_by(self));
    const auto from = KYU_CALLER();
    port::scheduling_point();
    if (deadline != Instant::never() && deadline <= self.now()) return false;
    bool woken = false;
    if (port::choose_to(ChoiceKind::spurious)) {
        // Back as if somebody had signalled: every caller loops on its predicate.
        mutex.unlock(self);
        woken = true;
    } else {
        // One stretch with interrupts off: who takes the mutex next can only signal afterwards.
        IrqsOff off{self};
        mutex.release(off, self.thread());
        woken = waiters_.wait(off, deadline);
    }
    mutex.lock_from(self, from);
    return woken;
}

void CondVar::signal(ThreadContext& self) {
    {
        IrqsOff off{self};
        waiters_.wake_one(off);
    }
    port::scheduling_point();
}

void CondVar::broadcast(ThreadContext& self) {
    {
        IrqsOff off{self};
        waiters_.wake_all(off);
    }
    port::scheduling_point();
}

}  // namespace kyu
