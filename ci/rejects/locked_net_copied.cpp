// expect: (deleted|is private)
// A copy of the state would be state without a lock.
#include "net/net.hpp"

namespace kyu::net {

Instant look(NetGuard& guard) {
#ifdef KYU_REJECT
    LockedNet copy = *guard;
#else
    const LockedNet& copy = *guard;
#endif
    return copy.now();
}

}  // namespace kyu::net
