// expect: (is private|private constructor|calling a private)
// Nobody but Net makes the state that the lock protects.
#include "net/net.hpp"

namespace kyu::net {

void set_up(MbufPool& pool, Link& link, const RandomKey& key) {
#ifdef KYU_REJECT
    LockedNet locked{pool, link, key};
    static_cast<void>(locked.now());
#else
    Net net{pool, link, key};
    static_cast<void>(net);
#endif
}

}  // namespace kyu::net
