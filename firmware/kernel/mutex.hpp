// Mutex: a lock with an owner, a name and a memory of where it was taken.
//
// Context   threads only. Never from an interrupt, never with interrupts off: CHECKed.
// Rules     not recursive. Locking what one holds, unlocking what one does not hold, ending a
//           thread that holds one: panics. A cycle of waiting threads is found when its last thread
//           is about to wait, and is a panic of kind deadlock that prints the cycle. So is an order
//           that contradicts one seen before (kernel/lock_order.hpp), and waiting for anything but
//           another mutex while one holds this: whoever should end the wait may want it.
// Order     unlock hands the mutex to the most urgent waiter, first come first served among equals.
//           The owner inherits the priority of its most urgent waiter, along chains of mutexes.
#pragma once

#include <cstdint>

#include "base/intrusive_list.hpp"
#include "base/thread_safety.hpp"
#include "kernel/context.hpp"
#include "kernel/wait_queue.hpp"

namespace kyu {

struct HeldTag;
class LockOrder;

/// Whether the holder of a mutex may wait for something else, keeping it. `may` is for a mutex that
/// makes slow things whole and that nobody needs in order to end the wait: the console's.
enum class HolderSleeps : std::uint8_t { never, may };

class KYU_CAPABILITY("mutex") Mutex : public ListLink<HeldTag> {
    friend class Kernel;
    friend class CondVar;
    friend class LockOrder;
    Thread* owner_{nullptr};
    std::uintptr_t taken_at_{0};
    WaitQueue waiters_;
    LockOrder* order_in_{nullptr};  // who knows this mutex as number order_
    std::uint8_t order_{0};
    HolderSleeps holder_sleeps_;

    void lock_from(ThreadContext& self, std::uintptr_t from);
    void take(Thread& thread, std::uintptr_t from);
    void release(IrqsOff& off, Thread& self);
    void check_for_deadlock(Thread& self);

public:
    explicit Mutex(const char* name, HolderSleeps holder_sleeps = HolderSleeps::never)
        : waiters_(name, "mutex"), holder_sleeps_(holder_sleeps) {}
    /// A mutex that dies must be free.
    ~Mutex();
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock(ThreadContext& self) KYU_ACQUIRE() KYU_NO_ANALYSIS;
    /// True: taken. Never waits.
    [[nodiscard]] bool try_lock(ThreadContext& self) KYU_TRY_ACQUIRE(true) KYU_NO_ANALYSIS;
    void unlock(ThreadContext& self) KYU_RELEASE() KYU_NO_ANALYSIS;

    [[nodiscard]] bool held_by(const ThreadContext& self) const { return owner_ == &self.thread(); }
    [[nodiscard]] const char* name() const { return waiters_.name(); }
    [[nodiscard]] const Thread* owner() const { return owner_; }
    /// Return address of the lock() that the owner came through.
    [[nodiscard]] std::uintptr_t taken_at() const { return taken_at_; }
    [[nodiscard]] WaitQueue& waiters() { return waiters_; }
    [[nodiscard]] bool holder_may_sleep() const { return holder_sleeps_ == HolderSleeps::may; }
};

/// Holds a mutex for a block of code.
class KYU_SCOPED_CAPABILITY MutexGuard {
    Mutex& mutex_;
    ThreadContext& self_;

public:
    [[nodiscard]] MutexGuard(Mutex& mutex, ThreadContext& self) KYU_ACQUIRE(mutex)
        : mutex_(mutex), self_(self) {
        mutex_.lock(self_);
    }
    ~MutexGuard() KYU_RELEASE() { mutex_.unlock(self_); }
    MutexGuard(const MutexGuard&) = delete;
    MutexGuard& operator=(const MutexGuard&) = delete;
};

}  // namespace kyu
