// WaitPoint: where threads wait for something the stack will do.
//
// Lock      the network lock. Marked by LockedNet::wake(), woken by the guard before it releases.
#pragma once

#include <cstdint>

#include "base/intrusive_list.hpp"
#include "kernel/condvar.hpp"

namespace kyu::net {

struct WakeTag;

class WaitPoint : public ListLink<WakeTag> {
    friend class NetGuard;
    CondVar condition_;
    std::uint16_t pollers_{0};

public:
    /// `name` is what a thread list shows for a thread that waits here; a literal.
    explicit WaitPoint(const char* name) : condition_(name) {}
    [[nodiscard]] bool has_waiters() const { return condition_.has_waiters(); }
    /// +1, -1: a thread polls for this point, asleep at LockedNet::polled.
    void count_poller(int step) { pollers_ = static_cast<std::uint16_t>(pollers_ + step); }
};

class WakeList {
    IntrusiveList<WaitPoint, WakeTag> points_;

public:
    void mark(WaitPoint& point) {
        if (!points_.contains_somewhere(point)) points_.push_back(point);
    }
    /// A point is about to die: it must not stay marked.
    void forget(WaitPoint& point) {
        if (points_.contains_somewhere(point)) points_.remove(point);
    }
    WaitPoint* take() { return points_.pop_front(); }
};

}  // namespace kyu::net
