// SipHash-2-4, and what Random makes of it.
//
// Context   any. Pure but for the counter.
#include "net/random.hpp"

#include <bit>

namespace kyu::net {

namespace {

std::uint64_t load_le64(const std::byte* p) {
    std::uint64_t v = 0;
    for (unsigned i = 8; i > 0; --i) v = (v << 8U) | std::to_integer<std::uint64_t>(p[i - 1]);
    return v;
}

void store_le64(std::byte* p, std::uint64_t v) {
    for (unsigned i = 0; i < 8; ++i) p[i] = static_cast<std::byte>(v >> (8 * i));
}

struct SipState {
    std::uint64_t v0, v1, v2, v3;

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void compress(std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

RandomKey derive(const RandomKey& key, std::uint8_t purpose) {
    RandomKey derived;
    const std::array<std::byte, 2> low{std::byte{purpose}, std::byte{0}};
    const std::array<std::byte, 2> high{std::byte{purpose}, std::byte{1}};
    store_le64(derived.bytes.data(), siphash(key, low));
    store_le64(derived.bytes.data() + 8, siphash(key, high));
    return derived;
}

}  // namespace

std::uint64_t siphash(const RandomKey& key, std::span<const std::byte> message) {
    const std::uint64_t k0 = load_le64(key.bytes.data());
    const std::uint64_t k1 = load_le64(key.bytes.data() + 8);
    // The four constants are the ASCII of "somepseudorandomlygeneratedbytes".
    SipState s{k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU, k0 ^ 0x6c7967656e657261U,
               k1 ^ 0x7465646279746573U};
    std::uint64_t last = std::uint64_t{message.size()} << 56U;
    for (; message.size() >= 8; message = message.subspan(8)) s.compress(load_le64(message.data()));
    for (std::size_t i = 0; i < message.size(); ++i) {
        last |= std::to_integer<std::uint64_t>(message[i]) << (8 * i);
    }
    s.compress(last);
    s.v2 ^= 0xFFU;
    for (int i = 0; i < 4; ++i) s.round();
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

Random::Random(const RandomKey& key) : number_key_(derive(key, 1)), hash_key_(derive(key, 2)) {}

std::uint64_t Random::next_u64() {
    std::array<std::byte, 8> message{};
    store_le64(message.data(), ++counter_);
    return siphash(number_key_, message);
}

}  // namespace kyu::net
