// Addresses from and as text.
//
// Context   any.
#include "net/ip_address.hpp"

namespace kyu::net {

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
        const std::size_t end = text.find('.');
        const std::string_view part = text.substr(0, end);
        if ((end == std::string_view::npos) != (i == 3)) return std::nullopt;
        if (part.empty() || part.size() > 3 || (part.size() > 1 && part[0] == '0')) {
            return std::nullopt;
        }
        std::uint32_t byte = 0;
        for (const char c : part) {
            if (c < '0' || c > '9') return std::nullopt;
            byte = byte * 10 + static_cast<std::uint32_t>(c - '0');
        }
        if (byte > 255) return std::nullopt;
        value = (value << 8U) | byte;
        text.remove_prefix(i < 3 ? end + 1 : text.size());
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
