// Addresses from and as text.
//
// Context   any.
#include "net/ip_address.hpp"

#include <charconv>

namespace kyu::net {

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
        const char* end = text.data() + text.size();
        std::uint8_t byte = 0;
        const auto [stop, error] = std::from_chars(text.data(), end, byte);
        if (error != std::errc{}) return std::nullopt;
        if (stop - text.data() > 1 && text[0] == '0') return std::nullopt;  // octal, or a slip
        const bool dot = stop != end && *stop == '.';
        if (i < 3 ? !dot : stop != end) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + (dot ? 1 : 0));
        value = (value << 8U) | byte;
    }
    return Ipv4{value};
}

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
