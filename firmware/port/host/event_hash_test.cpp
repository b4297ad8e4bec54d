#include "port/host/event_hash.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kyu::host {
namespace event_hash_test {

std::vector<std::byte> frame_of(std::size_t size, std::size_t first = 0) {
    std::vector<std::byte> frame(size);
    for (std::size_t i = 0; i < size; ++i) frame[i] = static_cast<std::byte>(first + i);
    return frame;
}

TEST(FrameDigest, DependsOnEveryByteAndOnTheLength) {
    for (const std::size_t size : {1UL, 7UL, 8UL, 31UL, 32UL, 33UL, 60UL, 1514UL}) {
        const auto bytes = frame_of(size);
        const std::uint64_t base = FrameDigest{bytes}.value();
        for (std::size_t i = 0; i < size; ++i) {
            auto other = bytes;
            other[i] ^= std::byte{1};
            EXPECT_NE(base, FrameDigest{other}.value()) << "byte " << i << " of " << size;
        }
        auto longer = bytes;
        longer.push_back(std::byte{0});
        EXPECT_NE(base, FrameDigest{longer}.value()) << "a zero at the end is a byte";
    }
}

TEST(EventHash, DependsOnEveryPartOfAnEventAndOnTheOrder) {
    const auto bytes = frame_of(17);
    const auto hash_of = [&](EventKind kind, std::int64_t us, std::uint32_t host) {
        EventHash hash;
        hash.add(kind, Instant::from_us(us), host, FrameDigest{bytes});
        return hash.value();
    };
    const std::uint64_t base = hash_of(EventKind::sent, 1, 2);
    EXPECT_NE(base, hash_of(EventKind::delivered, 1, 2));
    EXPECT_NE(base, hash_of(EventKind::sent, 2, 2));
    EXPECT_NE(base, hash_of(EventKind::sent, 1, 3));

    EventHash one;
    EventHash other;
    one.add(EventKind::lost, Instant{}, 1);
    one.add(EventKind::lost, Instant{}, 2);
    other.add(EventKind::lost, Instant{}, 2);
    other.add(EventKind::lost, Instant{}, 1);
    EXPECT_NE(one.value(), other.value());
}

// The number was computed by another program from the definition.
TEST(EventHash, IsTheSameNumberInEveryBuild) {
    EventHash hash;
    hash.add(EventKind::sent, Instant::from_us(5), 1, FrameDigest{frame_of(61, 0x80)});
    hash.add(EventKind::lost, Instant::from_us(6), 2);
    EXPECT_EQ(hash.value(), 10'513'944'327'959'645'076U);
    EXPECT_EQ(hash.events(), 2U);
}

}  // namespace event_hash_test
}  // namespace kyu::host
