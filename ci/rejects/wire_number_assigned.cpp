// expect: (cannot convert|no viable (overloaded|conversion)|no match for .operator=|could not convert)
// The other way round: a host number is not written into a header as it is.
#include "net/wire/ipv4.hpp"

namespace kyu::net {

void set_length(Ipv4Header& header, std::uint16_t bytes) {
#ifdef KYU_REJECT
    header.total_length = bytes;
#else
    header.total_length = Be16{bytes};
#endif
}

}  // namespace kyu::net
