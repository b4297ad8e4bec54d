// CondVar: wait until a predicate that a mutex protects may have changed.
//
// Context   threads only.
// Rules     wait with the mutex held, in a loop on the predicate: wake-ups may be spurious. Between
//           giving up the mutex and sleeping nothing can slip in. No waiters when it dies: CHECKed.
// Time      a past deadline returns false at once, the mutex still held all the time.
#pragma once

#include "base/thread_safety.hpp"
#include "kernel/context.hpp"
#include "kernel/mutex.hpp"
#include "kernel/wait_queue.hpp"

namespace kyu {

class CondVar {
    WaitQueue waiters_;

public:
    explicit CondVar(const char* name) : waiters_(name, "condition") {}

    /// Releases `mutex`, sleeps, takes it again. False: the deadline passed and nobody signalled.
    bool wait(ThreadContext& self, Mutex& mutex, Instant deadline)
        KYU_REQUIRES(mutex) KYU_NO_ANALYSIS;
    /// Wakes the most urgent waiter, if any.
    void signal(ThreadContext& self);
    void broadcast(ThreadContext& self);
    [[nodiscard]] bool has_waiters() const { return !waiters_.empty(); }
};

}  // namespace kyu
