// Initial sequence numbers (RFC 6528): a 4 µs clock plus a keyed hash of the four-tuple.
//
// Lock      the network lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "net/ip_address.hpp"
#include "net/random.hpp"
#include "net/tcp/seq.hpp"

namespace kyu::net {

inline SeqNum initial_sequence(const Random& random, const FourTuple& tuple, Instant now) {
    std::array<std::byte, 12> message;
    const auto put = [&](std::size_t at, std::uint32_t value, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) {
            message[at + i] = static_cast<std::byte>(value >> (8 * i));
        }
    };
    put(0, tuple.local.address.host, 4);
    put(4, tuple.remote.address.host, 4);
    put(8, tuple.local.port, 2);
    put(10, tuple.remote.port, 2);
    const auto clock = static_cast<std::uint32_t>(now.us() / 4);
    return SeqNum{clock + static_cast<std::uint32_t>(random.hash(message))};
}

}  // namespace kyu::net
