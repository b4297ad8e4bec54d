// Rack: what is lost, told from times instead of counts (RFC 8985 §6).
//
// Rules     What was sent before something that has been delivered since, and is missing for longer
//           than a round trip and a little, is lost. The little allows for reordering: nothing
//           until reordering has been seen and three segments are held beyond the hole, else a
//           quarter of the shortest round trip, and more when duplicates say that it was too short.
// Context   any. Pure. Time is the low 32 bits of the clock in microseconds.
#pragma once

#include <algorithm>
#include <cstdint>

#include "net/tcp/scoreboard.hpp"

namespace kyu::net {

class Rack {
    static constexpr std::uint8_t kWindowSharesMax = 20;  // of a quarter of a round trip each
    static constexpr std::uint8_t kRecoveriesToKeep = 16;
    std::uint32_t sent_us_{0};  ///< of what was sent last and has been delivered …
    SeqNum end_{};              ///< … and where it ends
    std::uint32_t rtt_us_{0};
    std::uint32_t rtt_min_us_{UINT32_MAX};
    SeqNum highest_{};  ///< the highest ever delivered
    SeqNum round_{};    ///< a duplicate counts once a round trip
    std::uint8_t shares_{1};
    std::uint8_t keep_{0};
    bool known_{false};
    bool reordering_{false};

    [[nodiscard]] static bool later_sent(std::uint32_t a_us, SeqNum a, std::uint32_t b_us,
                                         SeqNum b) {
        return a_us == b_us ? a.is_after(b) : static_cast<std::int32_t>(a_us - b_us) > 0;
    }

public:
    void start(SeqNum una) { highest_ = round_ = end_ = una; }
    /// Sending begins anew with nothing in flight: what was delivered before is no evidence of a
    /// loss any more, and its time may be of the clock's last turn.
    void begin_flight() { known_ = false; }
    void keep_marks_near(SeqNum una) { round_ = round_.kept_near(una); }

    /// A range has been delivered. `echo_age_us`: how old the ACK says that its cause is, at the
    /// most; 0 when it does not say.
    void delivered(const Scoreboard::Delivered& d, std::uint32_t now_us,
                   std::uint32_t echo_age_us) {
        const std::uint32_t rtt = now_us - d.sent_us;
        if (d.again) {  // §6.2 step 2: is it the first copy that was delivered?
            if (rtt < rtt_min_us_ || (echo_age_us != 0 && echo_age_us > rtt + 1000)) return;
        } else {
            rtt_min_us_ = std::min(rtt_min_us_, std::max(rtt, std::uint32_t{1}));
            if (d.end.is_before(highest_)) reordering_ = true;  // step 3
        }
        if (d.end.is_after(highest_)) highest_ = d.end;
        if (known_ && !later_sent(d.sent_us, d.end, sent_us_, end_)) return;
        known_ = true;
        sent_us_ = d.sent_us;
        end_ = d.end;
        rtt_us_ = rtt;
    }
    /// The peer got something twice: we were too quick (step 4).
    void on_duplicate(SeqNum una, SeqNum nxt) {
        if (una.is_before(round_)) return;
        round_ = nxt;
        shares_ = std::min<std::uint8_t>(static_cast<std::uint8_t>(shares_ + 1), kWindowSharesMax);
        keep_ = kRecoveriesToKeep;
    }
    void on_recovered() {
        if (keep_ > 0 && --keep_ == 0) shares_ = 1;
    }
    [[nodiscard]] std::uint32_t reorder_window_us(bool sure, std::uint32_t srtt_us) const {
        if ((!reordering_ && sure) || rtt_min_us_ == UINT32_MAX) return 0;
        return std::min(rtt_min_us_ / 4 * shares_, srtt_us);
    }
    struct Found {
        std::uint32_t bytes{0};    ///< taken for lost
        std::uint32_t wait_us{0};  ///< until more may be; 0: nothing to wait for
    };
    /// Step 5.
    Found detect(Scoreboard& sent, std::uint32_t now_us, std::uint32_t reorder_us) const {
        Found found;
        if (!known_) return found;
        found.bytes = sent.lose_if([&](const SentRange& r, SeqNum) {
            if (later_sent(r.sent_us, r.end, sent_us_, end_)) return false;
            // What was sent again in the same instant came after everything new of that instant.
            if (r.again && r.sent_us == sent_us_) return false;
            const auto left = static_cast<std::int32_t>(r.sent_us + rtt_us_ + reorder_us - now_us);
            if (left <= 0) return true;
            found.wait_us = std::max(found.wait_us, static_cast<std::uint32_t>(left));
            return false;
        });
        return found;
    }
    [[nodiscard]] bool reordering_seen() const { return reordering_; }
};

}  // namespace kyu::net
