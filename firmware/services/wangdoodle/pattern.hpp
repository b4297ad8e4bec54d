// What wangdoodle sends: streams whose every byte is known from its offset.
//
// Rules     Pure. The firmware sends these bytes, the simulator and the rig compare with them; all
//           three use this header, so a difference is always the network's or the board's.
// Source    `big` and `lots` are the original's recognisable text: chunks of 2,000 bytes, each four
//           runs of 100 words "TTnnn": first ST001..ST004, last EN001..EN004, PK001.. between.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kyu::wangdoodle {

inline constexpr std::size_t kWordBytes = 5;
inline constexpr std::size_t kRunBytes = 100 * kWordBytes;
inline constexpr std::size_t kChunkBytes = 4 * kRunBytes;
inline constexpr std::size_t kBigChunks = 100;
inline constexpr std::size_t kBigBytes = kBigChunks * kChunkBytes;
static_assert(kBigBytes == 200'000);

/// One chunk: four runs, numbered from `first`, of the two letters `tag`.
constexpr void fill_chunk(std::span<std::byte, kChunkBytes> chunk, const char* tag,
                          unsigned first) {
    for (std::size_t run = 0; run < 4; ++run) {
        const unsigned n = first + static_cast<unsigned>(run);
        const std::array<char, kWordBytes> word{
            tag[0], tag[1], static_cast<char>('0' + n / 100 % 10),
            static_cast<char>('0' + n / 10 % 10), static_cast<char>('0' + n % 10)};
        for (std::size_t i = 0; i < kRunBytes; ++i) {
            chunk[run * kRunBytes + i] = static_cast<std::byte>(word[i % kWordBytes]);
        }
    }
}

/// Chunk `index` of `big`, 0..99.
constexpr void fill_big_chunk(std::span<std::byte, kChunkBytes> chunk, std::size_t index) {
    if (index == 0) return fill_chunk(chunk, "ST", 1);
    if (index == kBigChunks - 1) return fill_chunk(chunk, "EN", 1);
    fill_chunk(chunk, "PK", static_cast<unsigned>(4 * (index - 1) + 1));
}

/// All of `big`.
constexpr void fill_big(std::span<std::byte, kBigBytes> bytes) {
    for (std::size_t i = 0; i < kBigChunks; ++i) {
        const std::span<std::byte> rest = bytes.subspan(i * kChunkBytes);
        fill_big_chunk(rest.first<kChunkBytes>(), i);
    }
}

/// Chunks that `lots N` sends: N bytes rounded up to whole chunks, at least a first and a last.
constexpr std::uint64_t lots_chunks(std::uint64_t bytes) {
    return std::max<std::uint64_t>(2, bytes / kChunkBytes + (bytes % kChunkBytes != 0 ? 1 : 0));
}

/// Which chunk of `big` stands at place `index` of `count`: the middle goes round and round.
constexpr std::size_t lots_source_chunk(std::uint64_t index, std::uint64_t count) {
    if (index == 0) return 0;
    if (index == count - 1) return kBigChunks - 1;
    return static_cast<std::size_t>(1 + (index - 1) % (kBigChunks - 2));
}

/// The stream of `gen SEED`: any length, each byte known from the seed and its offset.
class GenStream {
    std::uint64_t seed_;

    // The output function of SplitMix64 (Steele, Lea, Flood 2014) at a counter.
    [[nodiscard]] constexpr std::uint64_t block(std::uint64_t index) const {
        std::uint64_t z = seed_ + (index + 1) * 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

public:
    constexpr explicit GenStream(std::uint64_t seed) : seed_(seed) {}

    /// The bytes from `offset` on.
    constexpr void fill(std::uint64_t offset, std::span<std::byte> into) const {
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < into.size(); ++i) {
            const std::uint64_t at = offset + i;
            if (i == 0 || at % 8 == 0) bits = block(at / 8) >> (8 * (at % 8));
            into[i] = static_cast<std::byte>(bits & 0xFFU);
            bits >>= 8U;
        }
    }
};

}  // namespace kyu::wangdoodle
