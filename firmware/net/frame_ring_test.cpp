// FrameRing: what is kept of each frame. HoldStats: how long the lock was held.
#include "net/frame_ring.hpp"

#include <gtest/gtest.h>

#include "net/stats.hpp"

namespace kyu::net {
namespace frame_ring_test {

/// A segment's ports where Ethernet and a plain IP header leave them.
std::vector<std::byte> segment(unsigned from, unsigned to) {
    std::vector<std::byte> frame(60);
    frame[34] = static_cast<std::byte>(from >> 8U);
    frame[35] = static_cast<std::byte>(from);
    frame[36] = static_cast<std::byte>(to >> 8U);
    frame[37] = static_cast<std::byte>(to);
    return frame;
}

class Ring : public ::testing::Test {
protected:
    std::unique_ptr<MbufMemory<64, 16>> memory_{std::make_unique<MbufMemory<64, 16>>()};
    MbufPool pool_{*memory_};
    std::unique_ptr<FrameRing> ring_{std::make_unique<FrameRing>()};

    static std::vector<std::byte> bytes(std::size_t count) {
        std::vector<std::byte> all(count);
        for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<std::byte>(i * 7);
        return all;
    }
    /// A received frame: one cluster.
    Mbuf received(std::span<const std::byte> content) {
        Mbuf m = pool_.allocate_cluster();
        std::copy(content.begin(), content.end(), m.writable_front().begin());
        m.trim_back(m.size() - content.size());
        return m;
    }
    static std::vector<std::byte> kept(const FrameRing::Slot& slot) {
        return {slot.frame().begin(), slot.frame().end()};
    }
    static std::vector<std::byte> front(std::span<const std::byte> all, std::size_t count) {
        return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
    }
};

TEST_F(Ring, keeps_the_first_bytes_the_length_the_time_and_the_way) {
    const auto sent = bytes(1514);
    ring_->record(received(sent), Instant::from_us(1234), FrameWay::in);
    ASSERT_EQ(ring_->size(), 1U);
    const FrameRing::Slot& slot = ring_->oldest(0);
    EXPECT_EQ(slot.at_us(), 1234U);
    EXPECT_EQ(slot.length(), 1514);
    EXPECT_EQ(slot.way(), FrameWay::in);
    EXPECT_EQ(slot.state(), FrameRing::kNoState);
    EXPECT_EQ(kept(slot), front(sent, FrameRing::kBytes));
}

TEST_F(Ring, of_a_short_frame_it_keeps_all_and_nothing_else) {
    const auto sent = bytes(60);
    ring_->record(received(sent), Instant{}, FrameWay::in);
    EXPECT_EQ(kept(ring_->oldest(0)), sent);
}

TEST_F(Ring, a_frame_may_begin_at_any_byte) {
    for (std::size_t shift = 0; shift < 8; ++shift) {
        const auto content = bytes(200 + shift);
        Mbuf frame = received(content);
        frame.trim_front(shift);
        ring_->record(frame, Instant{}, FrameWay::out);
        const auto expected = std::span{content}.subspan(shift);
        const auto found = kept(ring_->oldest(ring_->size() - 1));
        EXPECT_GE(found.size(), FrameRing::kBytes - 3);
        EXPECT_EQ(found, front(expected, found.size())) << shift;
    }
}

TEST_F(Ring, a_frame_that_the_link_shows_is_kept_like_one_that_was_taken) {
    for (const std::size_t size : {54U, 60U, 80U, 1514U}) {
        auto content = bytes(std::max(size, Link::kPeekBytes));
        ring_->record(std::span{content}.first(size), Instant::from_us(5), FrameWay::in);
        const FrameRing::Slot& slot = ring_->oldest(ring_->size() - 1);
        EXPECT_EQ(slot.length(), size);
        EXPECT_EQ(slot.at_us(), 5U);
        EXPECT_EQ(kept(slot), front(content, std::min(size, kept(slot).size())));
        EXPECT_GE(kept(slot).size(), std::min(size, FrameRing::kBytes - 3));
    }
}

TEST_F(Ring, the_last_bytes_of_a_segment_and_static_memory_are_copied_too) {
    const auto content = bytes(100);
    Mbuf small = pool_.copy_in(content);
    small.trim_front(90);
    ring_->record(small, Instant{}, FrameWay::out);
    EXPECT_EQ(kept(ring_->oldest(0)),
              (std::vector<std::byte>{content.begin() + 90, content.end()}));
    ring_->record(pool_.refer_to(content), Instant{}, FrameWay::out);
    EXPECT_EQ(kept(ring_->oldest(1)), front(content, FrameRing::kBytes));
}

TEST_F(Ring, notes_what_tcp_thinks_with_a_segment_of_that_connection_only) {
    ring_->record(received(segment(40000, 114)), Instant{}, FrameWay::in);
    ring_->note(114, 40001, 2, 1);
    EXPECT_EQ(ring_->oldest(0).state(), FrameRing::kNoState);
    ring_->note(114, 40000, 2, 5);
    EXPECT_EQ(ring_->oldest(0).state(), 2);
    EXPECT_EQ(ring_->oldest(0).timers(), 5U);
    Mbuf out = pool_.copy_in(segment(114, 40000));
    ring_->record(out, Instant{}, FrameWay::out);
    ring_->note(114, 40000, 3, 0);
    EXPECT_EQ(ring_->oldest(0).state(), 2);
    EXPECT_EQ(ring_->oldest(1).state(), 3);
}

TEST_F(Ring, keeps_the_newest) {
    for (std::uint16_t n = 0; n < FrameRing::kSlots + 10; ++n) {
        ring_->record(received(bytes(100)), Instant::from_us(n), FrameWay::in);
    }
    EXPECT_EQ(ring_->size(), FrameRing::kSlots);
    EXPECT_EQ(ring_->oldest(0).at_us(), 10U);
    EXPECT_EQ(ring_->oldest(ring_->size() - 1).at_us(), FrameRing::kSlots + 9);
}

TEST(Holds, are_counted_by_powers_of_two_and_the_longest_says_where) {
    HoldStats holds;
    for (const int us : {0, 1, 2, 3, 4, 1000}) holds.add(Duration::from_us(us), 0x1000);
    holds.add(Duration::from_s(100), 7);
    holds.add(Duration::from_us(5), 8);
    EXPECT_EQ(holds.rows()[0], 1U);
    EXPECT_EQ(holds.rows()[1], 1U);
    EXPECT_EQ(holds.rows()[2], 2U);
    EXPECT_EQ(holds.rows()[3], 2U);
    EXPECT_EQ(holds.rows()[10], 1U);
    EXPECT_EQ(holds.rows()[HoldStats::kRows - 1], 1U);
    EXPECT_EQ(holds.longest(), Duration::from_s(100));
    EXPECT_EQ(holds.taken_at(), 7U);
}

}  // namespace frame_ring_test
}  // namespace kyu::net
