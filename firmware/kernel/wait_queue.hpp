// WaitQueue: threads that wait, the most urgent first, first come first served among equals; or
// simply first come first served (WaitOrder::fifo).
//
// Context   interrupts off (IrqsOff&); waiting needs the thread's own outermost IrqsOff.
// Ownership the queue owns no thread. It must be empty when it dies: CHECKed.
// Lock      none; interrupts off. wait, wake_one O(waiters) at most kThreadsMax.
// Time      a deadline that has passed never sleeps; Instant::never() waits for ever.
#pragma once

#include <cstdint>

#include "base/intrusive_list.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"

namespace kyu {

enum class WaitOrder : std::uint8_t { priority, fifo };

struct QueueTag;  ///< a thread is in at most one queue: a ready queue or a wait queue

class WaitQueue {
    friend class Kernel;
    const char* kind_;
    const char* name_;
    WaitOrder order_;
    IntrusiveList<Thread, QueueTag> waiters_;

    void insert(Thread& thread);
    void remove(Thread& thread);

public:
    /// A thread list shows "KIND NAME" for a thread that waits here. Literals.
    explicit WaitQueue(const char* name, const char* kind = "wait",
                       WaitOrder order = WaitOrder::priority)
        : kind_(kind), name_(name), order_(order) {}
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;
    ~WaitQueue() { CHECK(waiters_.empty()); }

    /// Sleeps until woken. False: the deadline passed first, or the thread was killed.
    bool wait(IrqsOff& off, Instant deadline);
    /// Makes the first waiter ready; nullptr when nobody waits.
    Thread* wake_one(IrqsOff& off);
    void wake_all(IrqsOff& off);

    [[nodiscard]] bool empty() const { return waiters_.empty(); }
    /// The first waiter, or nullptr.
    [[nodiscard]] Thread* first(IrqsOff& off);
    [[nodiscard]] const char* name() const { return name_; }
    [[nodiscard]] const char* kind() const { return kind_; }
    [[nodiscard]] WaitOrder order() const { return order_; }
};

}  // namespace kyu
