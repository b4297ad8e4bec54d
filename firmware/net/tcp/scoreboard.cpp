// Scoreboard.
//
// Context   any. Pure.
#include "net/tcp/scoreboard.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace kyu::net {

using RangeState = SentRange::State;

void Scoreboard::count_out(const SentRange& range, std::uint32_t bytes) {
    if (range.state == RangeState::sacked) sacked_ -= bytes;
    if (range.state == RangeState::lost) lost_ -= bytes;
}

void Scoreboard::count_in(const SentRange& range, std::uint32_t bytes) {
    if (range.state == RangeState::sacked) sacked_ += bytes;
    if (range.state == RangeState::lost) lost_ += bytes;
}

void Scoreboard::restart(SeqNum una) {
    first_ = count_ = 0;
    sacked_ = lost_ = 0;
    una_ = una;
}

/// The i-th and its upper neighbour become one, with the end of the upper.
void Scoreboard::erase(std::uint8_t i) {
    for (std::uint8_t j = i; j + 1 < count_; ++j) at(j) = at(static_cast<std::uint8_t>(j + 1));
    --count_;
}

void Scoreboard::join_equal() {
    for (std::uint8_t i = 0; i + 1 < count_;) {
        const SentRange& a = at(i);
        const SentRange& b = at(static_cast<std::uint8_t>(i + 1));
        // When what the peer holds or has lost was sent is of no interest any more.
        const bool same = a.state == b.state && (a.state != RangeState::in_flight ||
                                                 (a.again == b.again && a.sent_us == b.sent_us));
        if (same) {
            erase(i);
        } else {
            ++i;
        }
    }
}

/// So many ranges more can be used afterwards.
void Scoreboard::make_room(std::uint8_t wanted) {
    if (first_ + count_ + wanted <= static_cast<int>(ranges_.size())) return;
    std::copy(ranges_.begin() + first_, ranges_.begin() + first_ + count_, ranges_.begin());
    first_ = 0;
    while (count_ + wanted > static_cast<int>(ranges_.size())) join_two();
}

void Scoreboard::join_two() {
    for (std::uint8_t i = 0; i + 1 < count_; ++i) {
        if (at(i).state != at(static_cast<std::uint8_t>(i + 1)).state) continue;
        erase(i);  // the later time counts, so that nothing is lost too early
        return;
    }
    // Held and not held by turns: the highest that is held is forgotten. With it its neighbours,
    // which were in flight or lost, are one. (Without any held: the lowest two.)
    ++forgotten;
    std::uint8_t i = static_cast<std::uint8_t>(count_ - 1);
    while (i > 0 && at(i).state != RangeState::sacked) --i;
    const std::uint8_t into = static_cast<std::uint8_t>(i > 0 ? i - 1 : 1);
    const std::uint32_t bytes = size_of(i);
    count_out(at(i), bytes);
    count_in(at(into), bytes);
    const SentRange model = at(into);
    at(i).state = model.state;
    at(i).sent_us = model.sent_us;
    at(i).again = model.again;
    erase(std::min(i, into));
    join_equal();
}

/// A range begins at `point` afterwards; its index, count_ when `point` is the end. There is room.
std::uint8_t Scoreboard::split_at(SeqNum point) {
    std::uint8_t i = 0;
    while (i < count_ && !at(i).end.is_after(point)) ++i;
    if (i == count_ || begin_of(i) == point) return i;
    for (std::uint8_t j = count_; j > i; --j) at(j) = at(static_cast<std::uint8_t>(j - 1));
    ++count_;
    at(i).end = point;
    return static_cast<std::uint8_t>(i + 1);
}

void Scoreboard::sent(SeqNum end, std::uint32_t now_us, std::uint32_t quantum_us) {
    if (count_ > 0) {
        SentRange& last = at(static_cast<std::uint8_t>(count_ - 1));
        if (last.state == RangeState::in_flight && !last.again &&
            now_us - last.sent_us <= quantum_us) {
            last.end = end;
            return;
        }
    }
    make_room(1);
    at(count_++) = SentRange{end, now_us, RangeState::in_flight, false};
}

void Scoreboard::resent(SeqNum first, SeqNum end, std::uint32_t now_us) {
    make_room(2);
    std::uint8_t i = split_at(first);
    split_at(end);
    for (; i < count_ && !at(i).end.is_after(end); ++i) {
        SentRange& r = at(i);
        if (r.state == RangeState::sacked) continue;
        count_out(r, size_of(i));
        r.state = RangeState::in_flight;
        r.sent_us = now_us;
        r.again = true;
    }
    join_equal();
}

std::uint32_t Scoreboard::lose_first(std::uint32_t bytes) {
    if (count_ == 0 || at(0).state != RangeState::in_flight) return 0;
    const std::uint32_t most = std::min(bytes, size_of(0));
    make_room(1);
    if (at(0).state != RangeState::in_flight) return 0;
    split_at(una_ + SeqLen{most});
    at(0).state = RangeState::lost;
    const std::uint32_t lost = size_of(0);
    count_in(at(0), lost);
    join_equal();
    return lost;
}

void Scoreboard::lose_all() {
    if (count_ == 0) return;
    const SeqNum end_of_all = end();
    const SeqNum una = una_;
    // The latest time counts: an ACK of what was not lost may still come, and tells its age.
    std::uint32_t sent_us = at(0).sent_us;
    for (const SentRange& r : ranges()) {
        if (static_cast<std::int32_t>(r.sent_us - sent_us) > 0) sent_us = r.sent_us;
    }
    restart(una);
    at(0) = SentRange{end_of_all, sent_us, RangeState::lost, true};
    count_ = 1;
    lost_ = (end_of_all - una).value;
}

std::optional<Scoreboard::Stretch> Scoreboard::first_lost() const {
    if (lost_ == 0) return std::nullopt;
    for (std::uint8_t i = 0; i < count_; ++i) {
        const SentRange& r = ranges_[first_ + i];
        if (r.state == RangeState::lost) return Stretch{begin_of(i), r.end};
    }
    return std::nullopt;
}

SeqNum Scoreboard::highest_held() const {
    for (std::uint8_t i = count_; i > 0; --i) {
        const SentRange& r = ranges_[first_ + i - 1U];
        if (r.state == RangeState::sacked) return r.end;
    }
    return una_;
}

bool Scoreboard::consistent(SeqNum una, SeqNum nxt) const {
    std::uint32_t sacked = 0;
    std::uint32_t lost = 0;
    for (std::uint8_t i = 0; i < count_; ++i) {
        const SentRange& r = ranges_[first_ + i];
        if (!r.end.is_after(begin_of(i))) return false;
        if (r.state == RangeState::sacked) sacked += size_of(i);
        if (r.state == RangeState::lost) lost += size_of(i);
    }
    return una_ == una && end() == nxt && sacked == sacked_ && lost == lost_ &&
           first_ + count_ <= static_cast<int>(ranges_.size());
}

}  // namespace kyu::net
