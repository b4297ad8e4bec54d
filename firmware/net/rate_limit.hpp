// RateLimit: at most so many a second, with a burst.
//
// Lock      the caller's.
// Time      a token every `interval`, at most `burst` saved up; starts full.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace kyu::net {

class RateLimit {
    Duration interval_;
    std::int64_t burst_;
    Instant empty_at_{};  // the bucket holds (now - empty_at_) / interval_ tokens, burst_ at most
    bool started_{false};

public:
    constexpr RateLimit(Duration interval, std::int64_t burst)
        : interval_(interval), burst_(burst) {}

    /// Takes a token; false when there is none.
    [[nodiscard]] bool allow(Instant now) {
        const Instant oldest = now - interval_ * burst_;
        if (!started_ || empty_at_ < oldest) empty_at_ = oldest;
        started_ = true;
        if (empty_at_ + interval_ > now) return false;
        empty_at_ = empty_at_ + interval_;
        return true;
    }
};

}  // namespace kyu::net
