// expect: deleted
// A guard that could move could outlive the frame whose thread holds the lock.
#include <utility>

#include "net/net.hpp"

namespace kyu::net {

Instant look(Net& net, ThreadContext& self) {
    NetGuard guard{net, self};
#ifdef KYU_REJECT
    NetGuard moved{std::move(guard)};
    return moved->now();
#else
    return guard->now();
#endif
}

}  // namespace kyu::net
