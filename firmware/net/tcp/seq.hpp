// SeqNum, SeqLen: TCP's circular sequence space (RFC 9293 §3.4).
//
// Context   any. Pure.
#pragma once

#include <compare>
#include <cstdint>

namespace kyu::net {

/// A count of sequence space: bytes, plus one for SYN and one for FIN.
struct SeqLen {
    std::uint32_t value{};
    friend constexpr auto operator<=>(SeqLen, SeqLen) = default;
    friend constexpr SeqLen operator+(SeqLen a, SeqLen b) { return SeqLen{a.value + b.value}; }
};

/// A point in the sequence space. Points have no order of their own: ask whether one lies in a
/// window. Only the difference of two points is a number.
class SeqNum {
    std::uint32_t raw_{};

public:
    constexpr SeqNum() = default;
    constexpr explicit SeqNum(std::uint32_t raw) : raw_(raw) {}
    [[nodiscard]] constexpr std::uint32_t raw() const { return raw_; }
    friend constexpr SeqNum operator+(SeqNum s, SeqLen n) { return SeqNum{s.raw_ + n.value}; }
    friend constexpr SeqNum operator-(SeqNum s, SeqLen n) { return SeqNum{s.raw_ - n.value}; }
    friend constexpr SeqLen operator-(SeqNum a, SeqNum b) { return SeqLen{a.raw_ - b.raw_}; }
    friend constexpr bool operator==(SeqNum, SeqNum) = default;
    /// first <= *this < first + size, around the circle.
    [[nodiscard]] constexpr bool in_window(SeqNum first, SeqLen size) const {
        return (*this - first) < size;
    }
    /// Whether the way from `other` forward to here is the shorter one, and not empty. Meaningful
    /// only for points of one connection's life, which are less than 2^31 apart.
    [[nodiscard]] constexpr bool is_after(SeqNum other) const {
        return raw_ != other.raw_ && raw_ - other.raw_ < 0x8000'0000U;
    }
    [[nodiscard]] constexpr bool is_before(SeqNum other) const { return other.is_after(*this); }
    /// This point, or one a quarter of the circle before `now` when it lies further back: a mark
    /// that is left behind by less than that at a time is before `now` for ever.
    [[nodiscard]] constexpr SeqNum kept_near(SeqNum now) const {
        const SeqNum furthest{now.raw_ - 0x4000'0000U};
        return is_after(furthest) ? *this : furthest;
    }
};

/// The one that lies further on.
constexpr SeqNum later(SeqNum a, SeqNum b) { return a.is_after(b) ? a : b; }
constexpr SeqNum earlier(SeqNum a, SeqNum b) { return a.is_after(b) ? b : a; }

static_assert(SeqNum{5}.in_window(SeqNum{0xFFFF'FFF0}, SeqLen{0x20}));
static_assert(!SeqNum{0x10}.in_window(SeqNum{0xFFFF'FFF0}, SeqLen{0x20}));
static_assert(SeqNum{0}.is_after(SeqNum{0xFFFF'FFFF}) && SeqNum{0xFFFF'FFFF}.is_before(SeqNum{0}));
static_assert(!SeqNum{7}.is_after(SeqNum{7}) && !SeqNum{7}.is_before(SeqNum{7}));
static_assert(SeqNum{7}.kept_near(SeqNum{9}) == SeqNum{7});
static_assert(SeqNum{7}.kept_near(SeqNum{0x7000'0000}) == SeqNum{0x3000'0000});
static_assert(later(SeqNum{0xFFFF'FFFF}, SeqNum{3}) == SeqNum{3});
static_assert((SeqNum{3} - SeqNum{0xFFFF'FFFF}) == SeqLen{4});

}  // namespace kyu::net
