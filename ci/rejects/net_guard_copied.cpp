// expect: deleted
// One guard, one lock, one thread's stack: a second owner would release it twice.
#include "net/net.hpp"

namespace kyu::net {

Instant look(Net& net, ThreadContext& self) {
    NetGuard guard{net, self};
#ifdef KYU_REJECT
    NetGuard second = guard;
    return second->now();
#else
    return guard->now();
#endif
}

}  // namespace kyu::net
