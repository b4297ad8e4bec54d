// Random: unpredictable numbers and keyed hashes, from one key.
//
// Rules     SipHash-2-4 (Aumasson and Bernstein, 2012), two keys derived from one: numbers and
//           hashes never share a key, so that a number seen on the wire says nothing about a hash.
//           The same key gives the same numbers: the key is the only entropy of the stack.
// Lock      the network lock (next_…); hash() only reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kyu::net {

struct RandomKey {
    std::array<std::byte, 16> bytes{};
};

/// SipHash-2-4 of `message`.
[[nodiscard]] std::uint64_t siphash(const RandomKey& key, std::span<const std::byte> message);

class Random {
    RandomKey number_key_;
    RandomKey hash_key_;
    std::uint64_t counter_{0};

public:
    explicit Random(const RandomKey& key);

    [[nodiscard]] std::uint64_t next_u64();
    [[nodiscard]] std::uint32_t next_u32() { return static_cast<std::uint32_t>(next_u64()); }
    [[nodiscard]] std::uint16_t next_u16() { return static_cast<std::uint16_t>(next_u64()); }
    /// 0..bound-1, bound > 0. The bias is below bound / 2^32.
    [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>((std::uint64_t{next_u32()} * bound) >> 32U);
    }
    /// A keyed hash: equal messages give equal hashes for the life of this boot.
    [[nodiscard]] std::uint64_t hash(std::span<const std::byte> message) const {
        return siphash(hash_key_, message);
    }
};

}  // namespace kyu::net
