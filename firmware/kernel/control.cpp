// What one thread may do to another: ask it to end, block it, unblock it; and the kernel's counts.
//
// Context   threads; interrupts off inside.
// Rules     Nobody's stack is ever abandoned. A thread that is killed ends by returning from its
//           entry, so that what it holds is given back by destructors; only threads that have
//           promised to do so (accept_kill) can be killed. Any thread can be blocked, but not while
//           it holds a mutex or is about to get one: it would take everybody else with it
//           (docs/adr/0004-kill-is-a-request.md).
#include "kernel/kernel.hpp"

namespace kyu {

void ThreadContext::accept_kill() {
    IrqsOff off{*this};
    thread_.accepts_kill_ = true;
}

bool ThreadContext::should_end() const { return thread_.kill_asked_; }

KillResult Thread::kill(ThreadContext& self) {
    IrqsOff off{self};
    return self.kernel().kill(off, *this);
}

BlockResult Thread::block(ThreadContext& self) {
    // When this ends a thread that blocked itself gives the processor away.
    IrqsOff off{self};
    return self.kernel().block_thread(off, *this);
}

bool Thread::unblock(ThreadContext& self) {
    IrqsOff off{self};
    return self.kernel().unblock_thread(off, *this);
}

KillResult Kernel::kill(IrqsOff& off, Thread& thread) {
    if (thread.state_ == ThreadState::created || thread.state_ == ThreadState::finished) {
        return KillResult::ended;
    }
    if (!thread.accepts_kill_) return KillResult::deaf;
    thread.kill_asked_ = true;
    events_.record(port::now(), "kill", thread.id_, current_->id_);
    unblock_thread(off, thread);  // it has to run to end
    // Whoever waits for a mutex becomes its owner, and ends its next wait instead.
    if (thread.state_ == ThreadState::waiting && thread.waiting_for_ == nullptr) {
        wake(off, thread, false);
    }
    return KillResult::asked;
}

/// It shall not run, and may stop where it is.
bool Kernel::must_block(const Thread& thread) {
    return thread.block_asked_ && thread.held_.empty() && thread.waiting_for_ == nullptr;
}

BlockResult Kernel::block_thread(IrqsOff& /*off*/, Thread& thread) {
    if (thread.state_ == ThreadState::created || thread.state_ == ThreadState::finished ||
        &thread == &idle_) {
        return BlockResult::refused;
    }
    thread.block_asked_ = true;
    if (!must_block(thread)) return BlockResult::later;
    if (thread.state_ == ThreadState::ready) {
        ready_.remove(thread);
        thread.state_ = ThreadState::blocked;
    }
    return BlockResult::blocked;
}

bool Kernel::unblock_thread(IrqsOff& off, Thread& thread) {
    if (!thread.block_asked_) return false;
    thread.block_asked_ = false;
    if (thread.state_ == ThreadState::blocked) make_ready(off, thread);
    return true;
}

Duration Kernel::cpu_until_now(IrqsOff& /*off*/, const Thread& thread) const {
    return &thread == current_ ? thread.cpu_ + (port::now() - turn_began_) : thread.cpu_;
}

KernelCounters Kernel::counters(ThreadContext& self) {
    IrqsOff off{self};
    return {port::now(), switches_, irqs_, idle_.cpu_};
}

}  // namespace kyu
