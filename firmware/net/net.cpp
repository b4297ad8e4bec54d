// Net and NetGuard: the lock, the net thread, and who must be told when the lock is released.
//
// Context   threads; post() from the driver's interrupt handler.
// Lock      this is the lock. The analysis of clang is told by the header; the bodies here are what
//           makes it true, so they are left out of it.
#include "net/net.hpp"

#include "kernel/kernel.hpp"

namespace kyu::net {

NetGuard::NetGuard(Net& net, ThreadContext& self) KYU_NO_ANALYSIS : net_(net), self_(self) {
    net_.mutex_.lock(self_);
    entry_duties();
}

NetGuard::~NetGuard() KYU_NO_ANALYSIS {
    release_duties();
    net_.mutex_.unlock(self_);
}

void NetGuard::entry_duties() { net_.locked_.now_ = self_.now(); }

void NetGuard::release_duties() {
    LockedNet& locked = net_.locked_;
    locked.interface.link.flush();
    while (WaitPoint* point = locked.wake_list_.take()) {
        point->condition_.broadcast(self_);
        if (point->pollers_ > 0) locked.polled.condition_.broadcast(self_);
    }
    const Instant next = net_next_deadline(locked);
    if (next < net_.armed_) {
        net_.armed_ = next;
        net_.work_.signal(self_);
    }
    locked.stats.holds.add(self_.now() - locked.now_, net_.mutex_.taken_at());
}

bool NetGuard::wait(WaitPoint& point, Instant deadline) KYU_NO_ANALYSIS {
    release_duties();
    const bool woken = point.condition_.wait(self_, net_.mutex_, deadline);
    entry_duties();
    return woken;
}

void Net::configure(ThreadContext& self, const NetConfig& config) {
    pools_.add_to(self.kernel());
    self.kernel().note_ring({"frames", &locked_.frames, sizeof(FrameRing)});
    NetGuard guard{*this, self};
    net_configure(*guard, config);
}

void Net::post(IrqContext& irq) {
    // One signal is enough: the thread looks at everything when it runs.
    if (work_.count() == 0) work_.signal(irq);
}

void Net::run(ThreadContext& self) {
    unsigned busy_batches = 0;
    for (;;) {
        bool more = false;
        Instant next;
        {
            NetGuard guard{*this, self};
            more = net_step(*guard);
            next = more ? guard->now() : net_next_deadline(*guard);
            armed_ = next;
        }
        busy_batches = more ? busy_batches + 1 : 0;
        if (busy_batches > kBusyBatchesMax) {
            self.sleep_for(kBusyPause);
            busy_batches = 0;
        } else if (!more) {
            // False says "the deadline is here": both are reasons to look.
            static_cast<void>(work_.wait(self, next));
        }
    }
}

}  // namespace kyu::net
