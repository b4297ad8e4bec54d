// What is drawn from a keyed hash of the four-tuple: the initial sequence number (RFC 6528), with a
// 4 µs clock, and the shift of the timestamp clock (RFC 7323 §5.4).
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

/// A hash of `tuple` for the use that `purpose` names.
inline std::uint32_t tuple_hash(const Random& random, const FourTuple& tuple,
                                std::uint8_t purpose) {
    std::array<std::byte, 13> message;
    const auto put = [&](std::size_t at, std::uint32_t value, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) {
            message[at + i] = static_cast<std::byte>(value >> (8 * i));
        }
    };
    put(0, tuple.local.address.host, 4);
    put(4, tuple.remote.address.host, 4);
    put(8, tuple.local.port, 2);
    put(10, tuple.remote.port, 2);
    message[12] = static_cast<std::byte>(purpose);
    return static_cast<std::uint32_t>(random.hash(message));
}

inline SeqNum initial_sequence(const Random& random, const FourTuple& tuple, Instant now) {
    const auto clock = static_cast<std::uint32_t>(now.us() / 4);
    return SeqNum{clock + tuple_hash(random, tuple, 0)};
}

inline std::uint32_t timestamp_offset(const Random& random, const FourTuple& tuple) {
    return tuple_hash(random, tuple, 1);
}

}  // namespace kyu::net
