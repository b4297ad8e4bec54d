// expect: (nodiscard|unused-result|ignoring return)
// A failure that nobody looks at is a failure that nobody sees.
#include <utility>

#include "net/ip.hpp"
#include "net/net.hpp"

namespace kyu::net {

bool send_one(LockedNet& net, const IpSend& send, Mbuf payload) {
#ifdef KYU_REJECT
    ip_output(net, send, std::move(payload));
    return true;
#else
    return ip_output(net, send, std::move(payload)).has_value();
#endif
}

}  // namespace kyu::net
