#include "kernel/wait_queue.hpp"

#include "kernel/kernel.hpp"

namespace kyu {

void WaitQueue::insert(Thread& thread) {
    Thread* before = waiters_.back();
    while (order_ == WaitOrder::priority && before != nullptr &&
           thread.priority().more_urgent_than(before->priority())) {
        before = waiters_.previous(*before);
    }
    Thread* after = before == nullptr ? waiters_.front() : waiters_.next(*before);
    if (after == nullptr) {
        waiters_.push_back(thread);
    } else {
        waiters_.insert_before(*after, thread);
    }
}

void WaitQueue::remove(Thread& thread) { IntrusiveList<Thread, QueueTag>::remove(thread); }

Thread* WaitQueue::first(IrqsOff& /*off*/) { return waiters_.front(); }

bool WaitQueue::wait(IrqsOff& off, Instant deadline) {
    return off.kernel().block(off, *this, deadline);
}

Thread* WaitQueue::wake_one(IrqsOff& off) {
    Thread* thread = waiters_.front();
    if (thread != nullptr) off.kernel().wake(off, *thread, true);
    return thread;
}

void WaitQueue::wake_all(IrqsOff& off) {
    while (wake_one(off) != nullptr) {
    }
}

}  // namespace kyu
