// expect: (is private|private member|too few arguments|no matching)
// A wait point's condition belongs to the guard: nobody sleeps on it with another lock or none.
#include "net/net.hpp"

namespace kyu::net {

bool sleep(NetGuard& guard, WaitPoint& point, Mutex& other, ThreadContext& self, Instant deadline) {
#ifdef KYU_REJECT
    static_cast<void>(guard);
    return point.condition_.wait(self, other, deadline);
#else
    static_cast<void>(other);
    static_cast<void>(self);
    return guard.wait(point, deadline);
#endif
}

}  // namespace kyu::net
