#include "services/wangdoodle/pattern.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kyu::wangdoodle {
namespace pattern_test {

std::vector<std::byte> big() {
    std::vector<std::byte> bytes(kBigBytes);
    fill_big(std::span<std::byte, kBigBytes>(bytes));
    return bytes;
}

std::string text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(BigPattern, OpensWithStAndClosesWithEn) {
    const auto bytes = big();
    EXPECT_EQ(text(std::span(bytes).first(10)), "ST001ST001");
    EXPECT_EQ(text(std::span(bytes).subspan(500, 5)), "ST002");
    EXPECT_EQ(text(std::span(bytes).last(5)), "EN004");
}

TEST(BigPattern, CountsTheMiddleFrom1To392) {
    const auto bytes = big();
    EXPECT_EQ(text(std::span(bytes).subspan(kChunkBytes, 5)), "PK001");
    EXPECT_EQ(text(std::span(bytes).subspan(kBigBytes - kChunkBytes - 5, 5)), "PK392");
}

TEST(Lots, RoundsUpToChunksAndSendsAtLeastTwo) {
    EXPECT_EQ(lots_chunks(0), 2U);
    EXPECT_EQ(lots_chunks(4'000), 2U);
    EXPECT_EQ(lots_chunks(4'001), 3U);
    EXPECT_EQ(lots_chunks(200'000), kBigChunks);
}

TEST(Lots, GoesRoundInTheMiddleAndStillEndsWithEn) {
    EXPECT_EQ(lots_source_chunk(0, 500), 0U);
    EXPECT_EQ(lots_source_chunk(98, 500), 98U);
    EXPECT_EQ(lots_source_chunk(99, 500), 1U);
    EXPECT_EQ(lots_source_chunk(499, 500), kBigChunks - 1);
}

TEST(GenStream, AnyPieceIsTheSameAsThatPartOfTheWhole) {
    const GenStream stream{0xC0FFEE};
    std::vector<std::byte> whole(100);
    stream.fill(0, whole);
    for (std::size_t from = 0; from < whole.size(); ++from) {
        std::vector<std::byte> piece(whole.size() - from);
        stream.fill(from, piece);
        ASSERT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + static_cast<long>(from)))
            << "from " << from;
    }
}

TEST(GenStream, OtherSeedsGiveOtherStreams) {
    std::array<std::byte, 16> one{};
    std::array<std::byte, 16> two{};
    GenStream{1}.fill(0, one);
    GenStream{2}.fill(0, two);
    EXPECT_NE(one, two);
}

}  // namespace pattern_test
}  // namespace kyu::wangdoodle
