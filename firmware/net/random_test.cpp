// Random: the published vector, determinism, and separation of numbers from hashes.
#include "net/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace kyu::net {
namespace random_test {

RandomKey counting_key() {
    RandomKey key;
    for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<std::byte>(i);
    return key;
}

TEST(SipHash, GivesThePublishedVectors) {
    // SipHash paper, appendix A: key 00..0f, message 00..0e.
    std::array<std::byte, 15> message{};
    for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::byte>(i);
    EXPECT_EQ(siphash(counting_key(), message), 0xa129ca6149be45e5U);
    EXPECT_EQ(siphash(counting_key(), {}), 0x726fdb47dd0e0e31U);
}

TEST(Random, TheSameKeyGivesTheSameNumbers) {
    Random a{counting_key()};
    Random b{counting_key()};
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next_u64(), b.next_u64());
}

TEST(Random, NumbersDoNotRepeatAndDifferFromHashesOfTheSameMessage) {
    Random random{counting_key()};
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        std::array<std::byte, 8> message{};
        message[0] = static_cast<std::byte>(i);
        message[1] = static_cast<std::byte>(i >> 8U);
        EXPECT_TRUE(seen.insert(random.hash(message)).second);
        EXPECT_TRUE(seen.insert(random.next_u64()).second);
    }
}

TEST(Random, BelowStaysBelow) {
    Random random{counting_key()};
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::uint32_t n = random.below(7);
        EXPECT_LT(n, 7U);
        seen.insert(n);
    }
    EXPECT_EQ(seen.size(), 7U) << "every value comes up";
}

}  // namespace random_test
}  // namespace kyu::net
