// RttEstimator: the retransmission timeout (RFC 6298), in microseconds.
//
// Context   any. Pure.
// Rules     Karn's rule is the caller's: on_sample() is given only times of segments that were
//           sent once.
#pragma once

#include <algorithm>
#include <cstdint>

#include "net/tcp/config.hpp"

namespace kyu::net {

class RttEstimator {
    Duration srtt_{};
    Duration variation_{};
    Duration base_{kRtoInitial};  ///< before back-off
    unsigned shift_{0};
    bool measured_{false};

public:
    /// A round trip was measured. Ends any back-off (RFC 6298 §5, Karn).
    void on_sample(Duration rtt) {
        rtt = std::max(rtt, Duration::from_us(1));
        if (!measured_) {
            srtt_ = rtt;  // §2.2
            variation_ = rtt / 2;
            measured_ = true;
        } else {
            const Duration error = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
            variation_ = (variation_ * 3 + error) / 4;  // §2.3, variation first
            srtt_ = (srtt_ * 7 + rtt) / 8;
        }
        constexpr Duration kGranularity = Duration::from_ms(1);
        base_ = std::clamp(srtt_ + std::max(kGranularity, variation_ * 4), kRtoMin, kRtoMax);
        shift_ = 0;
    }
    /// The timer expired: twice as long the next time (§5.5).
    void back_off() {
        if (rto() < kRtoMax) ++shift_;
    }
    /// A SYN had to be sent again: §5.7, unless something was measured since.
    void after_lost_syn() {
        if (!measured_) base_ = kRtoAfterLostSyn;
        shift_ = 0;
    }
    [[nodiscard]] Duration rto() const {
        return std::min(base_ * (std::int64_t{1} << shift_), kRtoMax);
    }
    /// Nothing has been measured since the timer expired.
    [[nodiscard]] bool backed_off() const { return shift_ > 0; }
    [[nodiscard]] Duration smoothed() const { return srtt_; }
    [[nodiscard]] bool measured() const { return measured_; }
};

}  // namespace kyu::net
