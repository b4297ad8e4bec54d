// ChallengeLimit: at most so many challenge ACKs a second (RFC 5961 §7).
//
// Rules     One limit for the whole host, drawn anew each second: a fixed limit would let a third
//           party count its share and so find out a connection's ports (CVE-2016-5696).
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "base/time.hpp"
#include "net/random.hpp"
#include "net/tcp/config.hpp"

namespace kyu::net {

class ChallengeLimit {
    Instant second_ends_{};
    std::uint32_t left_{0};

public:
    /// Whether one more may be sent now.
    bool allow(Instant now, Random& random) {
        if (!(now < second_ends_)) {
            second_ends_ = now + Duration::from_s(1);
            left_ = kChallengeAcksPerSecond / 2 + random.below(kChallengeAcksPerSecond / 2);
        }
        if (left_ == 0) return false;
        --left_;
        return true;
    }
};

}  // namespace kyu::net
