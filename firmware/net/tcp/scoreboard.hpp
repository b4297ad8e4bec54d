// Scoreboard: what became of the bytes between snd_una and snd_nxt (RFC 6675 §3, RFC 8985 §5.2).
//
// Rules     The space is cut into ranges without gaps. A range is in flight, held by the peer
//           (SACK) or taken for lost, and remembers when it was last sent. Bytes that were sent
//           within a small part of a round trip share a range: so few ranges are enough.
//           When they are used up, neighbours are joined and then the highest SACK is forgotten:
//           the peer keeps reporting, nothing is lost but time.
// Context   any. Pure. Time is the low 32 bits of the clock in microseconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "net/tcp/config.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/seq.hpp"

namespace kyu::net {

struct SentRange {
    enum class State : std::uint8_t { in_flight, sacked, lost };
    SeqNum end;  ///< it begins where the one before ends
    std::uint32_t sent_us{0};
    State state{State::in_flight};
    bool again{false};  ///< sent more than once
};

class Scoreboard {
    std::array<SentRange, kSentRangesMax> ranges_{};
    std::uint8_t first_{0};  ///< index of the lowest; the array is used from here
    std::uint8_t count_{0};
    SeqNum una_{};
    std::uint32_t sacked_{0};
    std::uint32_t lost_{0};

    [[nodiscard]] SentRange& at(std::uint8_t i) { return ranges_[first_ + i]; }
    [[nodiscard]] SeqNum begin_of(std::uint8_t i) const {
        return i == 0 ? una_ : ranges_[first_ + i - 1U].end;
    }
    [[nodiscard]] std::uint32_t size_of(std::uint8_t i) const {
        return (ranges_[first_ + i].end - begin_of(i)).value;
    }
    void erase(std::uint8_t i);
    void count_out(const SentRange& range, std::uint32_t bytes);
    void count_in(const SentRange& range, std::uint32_t bytes);
    void make_room(std::uint8_t wanted);
    void join_two();
    std::uint8_t split_at(SeqNum point);
    void join_equal();

public:
    /// Nothing is under way; sending goes on at `una`.
    void restart(SeqNum una);
    /// [end of all, end) was sent for the first time.
    void sent(SeqNum end, std::uint32_t now_us, std::uint32_t quantum_us);
    /// [first, end) was sent again.
    void resent(SeqNum first, SeqNum end, std::uint32_t now_us);

    /// What the caller is told of a range that has just been delivered.
    struct Delivered {
        SeqNum end;
        std::uint32_t sent_us;
        bool again;
    };
    /// Everything below `una` is acknowledged. Calls news(Delivered) for what was not held before;
    /// returns those bytes.
    template <typename F>
    std::uint32_t acknowledge(SeqNum una, F&& news) {
        std::uint32_t fresh = 0;
        while (count_ > 0 && una_.is_before(una)) {
            SentRange& r = ranges_[first_];
            const SeqNum upto = earlier(r.end, una);
            const std::uint32_t bytes = (upto - una_).value;
            if (r.state != SentRange::State::sacked) {
                fresh += bytes;
                news(Delivered{upto, r.sent_us, r.again});
            }
            count_out(r, bytes);
            una_ = upto;
            if (upto != r.end) break;
            ++first_;
            if (--count_ == 0) first_ = 0;
        }
        una_ = una;
        return fresh;
    }
    /// The peer holds `block`, which lies inside. The same news; returns bytes not held before.
    template <typename F>
    std::uint32_t hold(const SackBlock& block, F&& news) {
        make_room(2);
        std::uint8_t i = split_at(block.first);
        split_at(block.end);
        std::uint32_t fresh = 0;
        for (; i < count_ && !at(i).end.is_after(block.end); ++i) {
            SentRange& r = at(i);
            if (r.state == SentRange::State::sacked) continue;
            const std::uint32_t bytes = size_of(i);
            count_out(r, bytes);
            r.state = SentRange::State::sacked;
            count_in(r, bytes);
            fresh += bytes;
            news(Delivered{r.end, r.sent_us, r.again});
        }
        if (fresh > 0) join_equal();
        return fresh;
    }
    /// Takes for lost each range in flight of which lost(range, begin) is true; returns bytes.
    template <typename F>
    std::uint32_t lose_if(F&& lost) {
        std::uint32_t bytes = 0;
        for (std::uint8_t i = 0; i < count_; ++i) {
            SentRange& r = at(i);
            if (r.state != SentRange::State::in_flight || !lost(r, begin_of(i))) continue;
            r.state = SentRange::State::lost;
            count_in(r, size_of(i));
            bytes += size_of(i);
        }
        if (bytes > 0) join_equal();
        return bytes;
    }
    /// Of what is in flight at the front, up to `bytes` are lost. Returns how many.
    std::uint32_t lose_first(std::uint32_t bytes);
    /// Everything is lost, and what the peer said it holds is forgotten (RFC 2018 §8).
    void lose_all();

    struct Stretch {
        SeqNum first;
        SeqNum end;
    };
    /// The lowest stretch that is lost.
    [[nodiscard]] std::optional<Stretch> first_lost() const;
    [[nodiscard]] std::uint32_t sacked() const { return sacked_; }
    [[nodiscard]] std::uint32_t lost() const { return lost_; }
    /// Neither holes nor losses: nothing to repair.
    [[nodiscard]] bool clean() const { return (sacked_ | lost_) == 0; }
    [[nodiscard]] SeqNum end() const { return count_ == 0 ? una_ : begin_of(count_); }
    /// The end of the highest range that the peer holds; una when there is none.
    [[nodiscard]] SeqNum highest_held() const;
    [[nodiscard]] std::span<const SentRange> ranges() const {
        return std::span{ranges_}.subspan(first_, count_);
    }
    /// Ordered, inside [una, nxt], counted rightly: for invariant checks and tests.
    [[nodiscard]] bool consistent(SeqNum una, SeqNum nxt) const;
    std::uint32_t forgotten{0};  ///< times that a SACK had to be forgotten for lack of ranges
};

}  // namespace kyu::net
