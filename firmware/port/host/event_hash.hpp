// EventHash: one number for everything that happened.
//
// Rules     A function of the events alone: no address, no hash-map order, no byte order of the
//           host. Two runs with the same number did the same, for every purpose of a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.hpp"

namespace kyu::host {

enum class EventKind : std::uint8_t { sent, delivered, lost, crashed };

class EventHash {
    std::uint64_t state_{0xCBF2'9CE4'8422'2325U};
    std::uint64_t events_{0};

    void mix(std::uint64_t word) {
        state_ = (state_ ^ word) * 0x9E37'79B9'7F4A'7C15U;
        state_ ^= state_ >> 29U;
    }
    // Eight bytes, little-endian whatever the host is; compilers make one load of it.
    static std::uint64_t word_at(const std::byte* p, std::size_t count) {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < count; ++i) {
            word |= std::to_integer<std::uint64_t>(p[i]) << (8 * i);
        }
        return word;
    }

public:
    void add(EventKind kind, Instant at, std::uint32_t host, std::span<const std::byte> bytes) {
        ++events_;
        mix(static_cast<std::uint64_t>(kind));
        mix(static_cast<std::uint64_t>(at.us()));
        mix((std::uint64_t{host} << 32U) | bytes.size());
        std::size_t at_byte = 0;
        for (; at_byte + 8 <= bytes.size(); at_byte += 8) mix(word_at(bytes.data() + at_byte, 8));
        if (at_byte < bytes.size()) mix(word_at(bytes.data() + at_byte, bytes.size() - at_byte));
    }
    [[nodiscard]] std::uint64_t value() const { return state_; }
    [[nodiscard]] std::uint64_t events() const { return events_; }
};

}  // namespace kyu::host
