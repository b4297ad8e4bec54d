// expect: (no member named 'wait'|has no member named .wait.)
// To touch is not to sleep: who was only lent the state cannot wait while others need it.
#include "net/net.hpp"

namespace kyu::net {

#ifdef KYU_REJECT
void until_address(LockedNet& net, Instant deadline) {
    while (!net.interface.has_address()) net.wait(net.interface.changed, deadline);
}
#else
bool until_address(NetGuard& guard, Instant deadline) {
    while (!guard->interface.has_address()) {
        if (!guard.wait(guard->interface.changed, deadline)) return false;
    }
    return true;
}
#endif

}  // namespace kyu::net
