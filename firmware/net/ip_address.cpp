// Addresses as text.
//
// Context   any.
#include "net/ip_address.hpp"

namespace kyu::net {

void print_to(TextSink& sink, Ipv4 address) {
    print(sink, "{}.{}.{}.{}", address.host >> 24U, (address.host >> 16U) & 0xFFU,
          (address.host >> 8U) & 0xFFU, address.host & 0xFFU);
}

void print_to(TextSink& sink, const Endpoint& endpoint) {
    print_to(sink, endpoint.address);
    print(sink, ":{}", endpoint.port);
}

void print_to(TextSink& sink, const MacAddress& address) {
    const auto& b = address.bytes;
    print(sink, "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

}  // namespace kyu::net
