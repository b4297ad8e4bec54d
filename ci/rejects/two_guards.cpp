// expect: (already held|thread-safety)
// compiler: clang++
// The lock does not nest: a second guard in reach of the first is a deadlock with oneself.
#include "net/net.hpp"

namespace kyu::net {

Instant look(Net& net, ThreadContext& self) {
    NetGuard guard{net, self};
#ifdef KYU_REJECT
    NetGuard again{net, self};
    return again->now();
#else
    return guard->now();
#endif
}

}  // namespace kyu::net
