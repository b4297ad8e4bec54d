// EventRing: the last things that happened, for the crash record.
//
// Context   any, interrupts included; interrupts must not interleave with a record() of the same
//           core, so callers in threads run it with interrupts off or accept one torn entry.
// Limits    keeps the newest N; older ones are overwritten.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace kyu {

struct TraceEvent {
    Instant at{};
    const char* what{""};  ///< a literal: one word, no blanks
    std::uint32_t a{};
    std::uint32_t b{};
};

template <std::size_t N>
class EventRing {
    static_assert(N > 0 && (N & (N - 1)) == 0);
    std::array<TraceEvent, N> events_{};
    std::uint32_t recorded_{0};

public:
    void record(Instant at, const char* what, std::uint32_t a = 0, std::uint32_t b = 0) {
        events_[recorded_++ & (N - 1)] = TraceEvent{at, what, a, b};
    }
    [[nodiscard]] std::size_t size() const { return recorded_ < N ? recorded_ : N; }
    /// The i-th event, 0 the oldest kept; i < size().
    [[nodiscard]] const TraceEvent& oldest(std::size_t i) const {
        return events_[(recorded_ - size() + i) & (N - 1)];
    }
};

}  // namespace kyu
