// expect: (deleted|rvalue reference)
// Giving a packet away is written at the call.
#include <utility>

#include "net/ether.hpp"
#include "net/net.hpp"

namespace kyu::net {

void take(LockedNet& net, Mbuf frame) {
#ifdef KYU_REJECT
    ether_input(net, frame);
#else
    ether_input(net, std::move(frame));
#endif
}

}  // namespace kyu::net
