// expect: deleted
// A packet has one owner. A second look at its bytes is share(), and says so.
#include "net/packet/mbuf.hpp"

namespace kyu::net {

std::uint32_t twice(const Mbuf& packet) {
#ifdef KYU_REJECT
    Mbuf again = packet;
#else
    Mbuf again = packet.share(0, packet.size());
#endif
    return packet.size() + again.size();
}

}  // namespace kyu::net
