#include "kernel/semaphore.hpp"

#include "base/check.hpp"
#include "kernel/port.hpp"

namespace kyu {

bool Semaphore::wait(ThreadContext& self, Instant deadline) {
    port::scheduling_point();
    IrqsOff off{self};
    if (count_ > 0) {
        --count_;
        return true;
    }
    return waiters_.wait(off, deadline);  // a wake-up brings the unit with it
}

bool Semaphore::try_wait(ThreadContext& self) {
    IrqsOff off{self};
    if (count_ == 0) return false;
    --count_;
    return true;
}

bool Semaphore::try_wait(IrqContext& irq) {
    IrqsOff off{irq};
    if (count_ == 0) return false;
    --count_;
    return true;
}

void Semaphore::signal(IrqsOff& off) {
    if (waiters_.wake_one(off) != nullptr) return;
    ++count_;
    CHECK(count_ != 0);
}

void Semaphore::signal(ThreadContext& self) {
    {
        IrqsOff off{self};
        signal(off);
    }
    port::scheduling_point();
}

void Semaphore::signal(IrqContext& irq) {
    IrqsOff off{irq};
    signal(off);
}

}  // namespace kyu
