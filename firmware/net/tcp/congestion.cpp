// Congestion control: slow start, and NewReno or CUBIC after it.
//
// Context   any. Pure.
#include "net/tcp/congestion.hpp"

#include <algorithm>

namespace kyu::net {

std::uint32_t Congestion::initial_window() const {
    return std::min(10 * mss_, std::max(2 * mss_, std::uint32_t{14600}));  // RFC 6928 §2
}

void Congestion::start(std::uint32_t mss, CongestionAlgorithm algorithm, unsigned syn_retries) {
    mss_ = mss;
    algorithm_ = algorithm;
    // RFC 5681 §3.1: one segment where SYNs are lost. RFC 6928 §2: a single one may just be slow.
    window_ = syn_retries > 1 ? mss : initial_window();
}

void Congestion::on_ack(const NewlyAcked& news, std::uint32_t now_ms, std::uint32_t rtt_us) {
    const std::uint32_t acked = news.bytes;
    // RFC 7661 in spirit: a window that was not used is not grown.
    if (news.in_flight + 2 * mss_ < window_) return;
    std::uint32_t more = 0;
    if (slow_start()) {
        // RFC 3465 §2.3: bytes count, not ACKs; after a timeout no more than one segment for one.
        const std::uint32_t each = (after_timeout_ ? 1U : 2U) * mss_;
        more = std::min(acked, news.acks * each);
        // Many ACKs at once end at the threshold, as one after the other would.
        more = std::min(more, std::max(each, threshold_ - window_));
    } else if (algorithm_ == CongestionAlgorithm::cubic) {
        more = cubic_.growth(window_, mss_, acked, now_ms, rtt_us);
    } else {
        const std::uint64_t share = std::uint64_t{mss_} * std::min(acked, window_);
        more = std::max(std::uint32_t{1}, static_cast<std::uint32_t>(share / window_));
    }
    window_ = std::min(window_ + more, kCongestionWindowMax);
}

void Congestion::on_loss(std::uint32_t in_flight) {
    after_timeout_ = false;
    const std::uint32_t used = std::min(window_, in_flight);
    const std::uint32_t left =
        algorithm_ == CongestionAlgorithm::cubic ? cubic_.on_loss(used) : in_flight / 2;
    threshold_ = std::max(left, 2 * mss_);  // RFC 5681 equation (4)
}

void Congestion::on_timeout(std::uint32_t in_flight, bool first) {
    if (first) {  // RFC 5681 §3.1: once for one loss
        window_ = std::max(window_, in_flight);
        on_loss(in_flight);
    }
    window_ = mss_;
    after_timeout_ = true;
}

void Congestion::after_idle() {
    window_ = std::min(window_, initial_window());
    cubic_.pause();
}

}  // namespace kyu::net
