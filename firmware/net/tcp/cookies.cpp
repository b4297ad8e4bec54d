// SYN cookies.
//
// Lock      the network lock.
#include "net/tcp/cookies.hpp"

#include <cstring>

#include "net/tcp/isn.hpp"

namespace kyu::net {

namespace {

// The commonest values, and what smaller ones are rounded down to.
constexpr std::array<std::uint16_t, 8> kMssTable{kMssFloor, kMssDefault, 1024, 1220,
                                                 1360,      1400,        1440, 1460};
constexpr unsigned kMssBits = 3;
constexpr unsigned kPeriodBits = 5;
constexpr unsigned kLowBits = kMssBits + kPeriodBits;
constexpr std::uint32_t kLowMask = (1U << kLowBits) - 1;

// Of the timestamp: the window scale, or that there is none; SACK.
constexpr std::uint32_t kStampMask = 0x3F;
constexpr std::uint32_t kStampScale = 0x0F;
constexpr std::uint32_t kStampSack = 0x10;

std::uint32_t low_bits(std::uint64_t period, std::uint32_t mss_index) {
    return (static_cast<std::uint32_t>(period) << kMssBits | mss_index) & kLowMask;
}

}  // namespace

void SynCookies::turn(Random& random, Instant now) {
    const auto period = static_cast<std::uint64_t>(now.us() / kPeriod.us());
    if (any_ && period == period_) return;
    if (!any_ || period != period_ + 1) secrets_[(period + 1) & 1U] = random.next_u64();
    secrets_[period & 1U] = random.next_u64();
    period_ = period;
    any_ = true;
}

std::uint32_t SynCookies::hash(const Random& random, const FourTuple& tuple, SeqNum irs,
                               std::uint32_t low, std::uint64_t period) const {
    struct Message {
        std::uint64_t secret;
        std::uint32_t tuple;
        std::uint32_t irs;
        std::uint32_t low;
        std::uint32_t purpose;
    } message{secrets_[period & 1U], tuple_hash(random, tuple, 2), irs.raw(), low, 2};
    static_assert(sizeof message == 24);  // no padding
    return static_cast<std::uint32_t>(random.hash(std::as_bytes(std::span{&message, 1})));
}

SynCookies::Offer SynCookies::make(Random& random, const FourTuple& tuple, SeqNum irs,
                                   std::uint16_t mss, Instant now) {
    turn(random, now);
    last_made_ = now;
    std::uint32_t index = kMssTable.size() - 1;
    while (index > 0 && kMssTable[index] > mss) --index;
    const std::uint32_t low = low_bits(period_, index);
    const std::uint32_t high = hash(random, tuple, irs, low, period_) & ~kLowMask;
    return {SeqNum{high | low}, kMssTable[index]};
}

std::optional<std::uint16_t> SynCookies::check(Random& random, const FourTuple& tuple, SeqNum irs,
                                               SeqNum ack, Instant now) {
    if (!any_ || now - last_made_ > kPeriod * 2) return std::nullopt;
    turn(random, now);
    const std::uint32_t cookie = (ack - SeqLen{1}).raw();
    const std::uint32_t low = cookie & kLowMask;
    for (std::uint64_t period = period_; period + 1 >= period_; --period) {
        if (low_bits(period, low & ((1U << kMssBits) - 1)) == low &&
            ((hash(random, tuple, irs, low, period) ^ cookie) & ~kLowMask) == 0) {
            return kMssTable[low & ((1U << kMssBits) - 1)];
        }
        if (period == 0) break;
    }
    return std::nullopt;
}

std::uint32_t SynCookies::stamp(std::uint32_t clock, const Negotiated& agreed) {
    const std::uint32_t scale = agreed.scaling ? agreed.snd_scale : kStampScale;
    const std::uint32_t bits = scale | (agreed.sack ? kStampSack : 0);
    return ((clock & ~kStampMask) - (kStampMask + 1)) | bits;
}

Negotiated SynCookies::read_stamp(std::uint32_t echo, std::uint8_t our_scale) {
    Negotiated n;
    n.timestamps = true;
    n.sack = (echo & kStampSack) != 0;
    n.scaling = (echo & kStampScale) != kStampScale;
    n.snd_scale = static_cast<std::uint8_t>(n.scaling ? echo & kStampScale : 0);
    n.rcv_scale = n.scaling ? our_scale : std::uint8_t{0};
    return n;
}

}  // namespace kyu::net
