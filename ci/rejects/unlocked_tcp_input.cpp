// expect: (cannot convert|no known conversion|could not convert|invalid initialization|no matching function)
// The bug of the first soak: the stack entered without the lock. A LockedNet& comes out of a
// NetGuard and from nowhere else.
#include <utility>

#include "net/net.hpp"
#include "net/tcp/tcp.hpp"

namespace kyu::net {

void deliver(Net& net, ThreadContext& self, Mbuf segment, const IpInfo& ip) {
#ifdef KYU_REJECT
    static_cast<void>(self);
    tcp_input(net, std::move(segment), ip);
#else
    NetGuard guard{net, self};
    tcp_input(*guard, std::move(segment), ip);
#endif
}

}  // namespace kyu::net
