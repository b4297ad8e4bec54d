// NewReno.
//
// Context   any. Pure.
#include "net/tcp/congestion.hpp"

#include <algorithm>

namespace kyu::net {

namespace {
constexpr std::uint32_t kWindowMax = 1U << 30U;
constexpr std::uint32_t kDuplicatesForLoss = 3;
}  // namespace

std::uint32_t Congestion::initial_window() const {
    return std::min(10 * mss_, std::max(2 * mss_, std::uint32_t{14600}));  // RFC 6928 §2
}

std::uint32_t Congestion::half_of(std::uint32_t in_flight) const {
    return std::max(in_flight / 2, 2 * mss_);  // RFC 5681 equation (4)
}

void Congestion::start(std::uint32_t mss, SeqNum initial) {
    mss_ = mss;
    window_ = initial_window();
    recover_ = initial;
}

void Congestion::grow(std::uint32_t acked) {
    std::uint32_t more = 0;
    if (window_ < threshold_) {
        more = std::min(acked, 2 * mss_);  // slow start, RFC 3465 with L = 2
    } else {
        more = std::max(
            std::uint32_t{1},
            static_cast<std::uint32_t>(std::uint64_t{mss_} * std::min(acked, mss_) / window_));
    }
    window_ = std::min(window_ + more, kWindowMax);
}

Congestion::Advice Congestion::on_ack(SeqNum ack, std::uint32_t acked, std::uint32_t in_flight) {
    duplicates_ = 0;
    allowance_ = 0;
    if (!recovering_) {
        // RFC 2861 and RFC 7661 in spirit: a window that was not used is not grown.
        if (in_flight + 2 * mss_ >= window_) grow(acked);
        return Advice::nothing;
    }
    if (!ack.is_before(recover_)) {  // full ACK: RFC 6582 §3.2 step 3, first option
        const std::uint32_t left = in_flight > acked ? in_flight - acked : 0;
        window_ = std::min(threshold_, std::max(left, mss_) + mss_);
        recovering_ = false;
        partial_acks_ = 0;
        return Advice::nothing;
    }
    ++partial_acks_;
    window_ -= std::min(acked, window_ - mss_);
    if (acked >= mss_) window_ += mss_;
    return Advice::next_hole;
}

Congestion::Advice Congestion::on_duplicate_ack(SeqNum una, SeqNum sent_to,
                                                std::uint32_t in_flight) {
    ++duplicates_;
    if (recovering_) {
        window_ = std::min(window_ + mss_, kWindowMax);  // a segment has left the network
        return Advice::send_new;
    }
    if (duplicates_ < kDuplicatesForLoss) {
        allowance_ = duplicates_ * mss_;  // RFC 3042: one new segment for each of the first two
        return Advice::send_new;
    }
    // RFC 6582 §3.2 step 1: duplicates caused by our own retransmissions after a timeout must not
    // start a recovery.
    if (duplicates_ > kDuplicatesForLoss || !una.is_after(recover_)) return Advice::nothing;
    threshold_ = half_of(in_flight);
    window_ = threshold_ + kDuplicatesForLoss * mss_;
    allowance_ = 0;
    recover_ = sent_to;
    recovering_ = true;
    partial_acks_ = 0;
    return Advice::fast_retransmit;
}

void Congestion::on_timeout(SeqNum sent_to, std::uint32_t in_flight, bool first_expiry) {
    if (first_expiry) threshold_ = half_of(in_flight);  // RFC 5681 §3.1: once for one loss
    window_ = mss_;
    allowance_ = 0;
    duplicates_ = 0;
    partial_acks_ = 0;
    recover_ = sent_to;  // RFC 6582 §4
    recovering_ = false;
}

void Congestion::after_idle() { window_ = std::min(window_, initial_window()); }

}  // namespace kyu::net
