// expect: (cannot convert|no known conversion|no matching (function|constructor)|could not convert|non-const lvalue reference|invalid initialization)
// An interrupt handler cannot wait for the network lock; it posts.
#include "net/net.hpp"

namespace kyu::net {

void frame_arrived(Net& net, IrqContext& irq) {
#ifdef KYU_REJECT
    NetGuard guard{net, irq};
    net_step(*guard);
#else
    net.post(irq);
#endif
}

}  // namespace kyu::net
