// For tests only: DNS answers as a server writes them, and as an attacker does.
#pragma once

#include <string_view>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {

/// "a.b" as it lies on the wire, letters as they are.
inline Bytes dns_wire(std::string_view text) {
    Bytes wire;
    while (!text.empty()) {
        const std::string_view label = text.substr(0, text.find('.'));
        wire.push_back(static_cast<std::uint8_t>(label.size()));
        wire.insert(wire.end(), label.begin(), label.end());
        text.remove_prefix(std::min(text.size(), label.size() + 1));
    }
    wire.push_back(0);
    return wire;
}

inline Bytes dns_record(const Bytes& owner, unsigned type, std::uint32_t ttl, const Bytes& data) {
    Bytes r(10);
    put16(r, 0, type);
    put16(r, 2, 1);
    put32(r, 4, ttl);
    put16(r, 8, static_cast<unsigned>(data.size()));
    return joined(joined(owner, r), data);
}

/// The answer to question 0x1234 for board.example.
inline Bytes dns_reply(const std::vector<Bytes>& records, unsigned flags = 0x8180,
                       unsigned id = 0x1234, std::string_view name = "board.example") {
    Bytes m(12);
    put16(m, 0, id);
    put16(m, 2, flags);
    put16(m, 4, 1);
    put16(m, 6, static_cast<unsigned>(records.size()));
    m = joined(joined(std::move(m), dns_wire(name)), {0, 1, 0, 1});
    for (const Bytes& r : records) m = joined(std::move(m), r);
    return m;
}

}  // namespace kyu::net::test
