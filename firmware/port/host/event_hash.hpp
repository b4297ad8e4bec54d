// EventHash: one number for everything that happened.
//
// Rules     A function of the events alone: no address, no hash-map order, no byte order of the
//           host. Two runs with the same number did the same, for every purpose of a test.
// Time      half of the work of a simulated transfer if done naively: four lanes that do not wait
//           for each other, and a frame is read once, when it is sent.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/time.hpp"

namespace kyu::host {

enum class EventKind : std::uint8_t { sent, delivered, lost, crashed };

/// A frame's bytes as one number.
class FrameDigest {
    static constexpr std::size_t kLanes = 4;
    static constexpr std::size_t kWord = 8;
    std::uint64_t value_;

    // Little-endian whatever the host is.
    static std::uint64_t word_at(const std::byte* p) {
        std::uint64_t word = 0;
        std::memcpy(&word, p, kWord);
        if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
        return word;
    }

public:
    static constexpr std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
        state = (state ^ word) * 0x9E37'79B9'7F4A'7C15U;
        return state ^ (state >> 29U);
    }
    explicit FrameDigest(std::span<const std::byte> bytes) : value_(bytes.size()) {
        std::array<std::uint64_t, kLanes> lanes{1, 2, 3, 4};
        std::size_t at = 0;
        for (; at + kLanes * kWord <= bytes.size(); at += kLanes * kWord) {
            for (std::size_t i = 0; i < kLanes; ++i) {
                lanes[i] = mix(lanes[i], word_at(bytes.data() + at + i * kWord));
            }
        }
        // The rest, filled up with zeros: the size tells it from real ones.
        std::array<std::byte, kLanes * kWord> rest{};
        if (at < bytes.size()) std::memcpy(rest.data(), bytes.data() + at, bytes.size() - at);
        for (std::size_t i = 0; i < kLanes; ++i) {
            value_ = mix(value_, mix(lanes[i], word_at(rest.data() + i * kWord)));
        }
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }
};

class EventHash {
    std::uint64_t state_{0xCBF2'9CE4'8422'2325U};
    std::uint64_t events_{0};

    void mix(std::uint64_t word) { state_ = FrameDigest::mix(state_, word); }

public:
    void add(EventKind kind, Instant at, std::uint32_t host, FrameDigest frame) {
        ++events_;
        mix(static_cast<std::uint64_t>(at.us()));
        mix((std::uint64_t{host} << 8U) | static_cast<std::uint64_t>(kind));
        mix(frame.value());
    }
    /// An event without a frame.
    void add(EventKind kind, Instant at, std::uint32_t host) {
        add(kind, at, host, FrameDigest{{}});
    }
    [[nodiscard]] std::uint64_t value() const { return state_; }
    [[nodiscard]] std::uint64_t events() const { return events_; }
};

}  // namespace kyu::host
