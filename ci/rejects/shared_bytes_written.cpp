// expect: (assignment of read-only|cannot assign|read-only|const-qualified|returns a const value)
// Bytes that are only looked at are const; writing asks for writable_front(), which checks.
#include "net/packet/mbuf.hpp"

namespace kyu::net {

void clear_first(Mbuf& packet) {
#ifdef KYU_REJECT
    packet.front()[0] = std::byte{0};
#else
    packet.writable_front()[0] = std::byte{0};
#endif
}

}  // namespace kyu::net
