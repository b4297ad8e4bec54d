// The Internet checksum: every split, every alignment, against a second opinion.
#include "net/checksum.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "net/frames_test_support.hpp"

namespace kyu::net {
namespace checksum_test {

using test::as_bytes;
using test::Bytes;
using test::slow_checksum;

/// Bytes whose sum carries often.
Bytes noisy(std::size_t n) {
    Bytes b(n);
    std::uint32_t state = 12345;
    for (auto& x : b) {
        state = state * 1664525U + 1013904223U;
        x = static_cast<std::uint8_t>((state >> 24U) | 0x80U);
    }
    return b;
}

std::uint16_t fast(std::span<const std::byte> bytes) {
    Checksum sum;
    sum.add(bytes);
    return sum.finish();
}

TEST(Checksum, TheExampleOfRfc1071) {
    const Bytes b{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(fast(as_bytes(b)), static_cast<std::uint16_t>(~0xddf2U));
}

TEST(Checksum, EveryLengthAtEveryAlignment) {
    const Bytes b = noisy(200);
    for (std::size_t at = 0; at < 8; ++at) {
        for (std::size_t n = 0; n <= 150; ++n) {
            EXPECT_EQ(fast(as_bytes(b).subspan(at, n)), slow_checksum(test::slice(b, at, n)))
                << n << " bytes at " << at;
        }
    }
}

TEST(Checksum, EverySplitInThreeOf64BytesGivesTheSameSum) {
    const Bytes b = noisy(64);
    const std::uint16_t whole = slow_checksum(b);
    for (std::size_t i = 0; i <= 64; ++i) {
        for (std::size_t j = i; j <= 64; ++j) {
            Checksum sum;
            sum.add(as_bytes(b).subspan(0, i));
            sum.add(as_bytes(b).subspan(i, j - i));
            sum.add(as_bytes(b).subspan(j));
            ASSERT_EQ(sum.finish(), whole) << i << ", " << j;
        }
    }
}

TEST(Checksum, AllOnesAndAllZeros) {
    for (const std::size_t n : {2U, 64U, 1460U, 65534U}) {
        EXPECT_EQ(fast(as_bytes(Bytes(n, 0xFF))), 0);
        EXPECT_EQ(fast(as_bytes(Bytes(n, 0x00))), 0xFFFF);
    }
}

TEST(Checksum, AChainFromAnyOffset) {
    test::TestNet world;
    const Bytes b = noisy(90);
    Mbuf chain;
    for (const std::size_t at : {0U, 13U, 40U, 41U, 77U}) {
        const std::size_t end = at == 0 ? 13 : at == 13 ? 40 : at == 40 ? 41 : at == 41 ? 77 : 90;
        chain.append(world.pool.copy_in(as_bytes(b).subspan(at, end - at)));
    }
    for (std::size_t offset = 0; offset <= 90; ++offset) {
        Checksum sum;
        sum.add(chain, offset);
        EXPECT_EQ(sum.finish(), slow_checksum(test::slice(b, offset))) << offset;
    }
}

TEST(Checksum, PseudoHeaderIsTheTwelveBytesOfRfc9293) {
    const Ipv4 a{192, 168, 0, 73};
    const Ipv4 b{10, 255, 254, 1};
    Checksum sum;
    sum.add_pseudo_header(a, b, 6, 1234);
    EXPECT_EQ(sum.finish(), slow_checksum(test::pseudo_header(a, b, 6, 1234)));
}

TEST(Checksum, DataThatHoldsItsChecksumSumsToZero) {
    Bytes b = noisy(101);
    test::put16(b, 10, 0);
    test::put16(b, 10, slow_checksum(b));
    EXPECT_EQ(fast(as_bytes(b)), 0);
}

}  // namespace checksum_test
}  // namespace kyu::net
