#include "port/host/fates.hpp"

#include <algorithm>
#include <utility>

namespace kyu::host {
namespace {

constexpr std::size_t kHeaderBytes = 14;  // a truncated frame keeps at least this much

bool is_down(const FatePlan& plan, Instant now) {
    return std::ranges::any_of(
        plan.flaps, [now](const Flap& flap) { return now >= flap.down_at && now < flap.up_at; });
}

}  // namespace

Fates::Fates(FatePlan plan, std::uint64_t seed, bool drawn, std::vector<Fate> given)
    : plan_(std::move(plan)), random_(seed), drawn_(drawn), given_(std::move(given)) {}

Fates Fates::from_seed(FatePlan plan, std::uint64_t seed) {
    return {std::move(plan), seed, true, {}};
}

Fates Fates::given(std::vector<Fate> fates, FatePlan plan) {
    return {std::move(plan), 0, false, std::move(fates)};
}

bool Fates::hits(Chance chance) {
    // What cannot happen draws nothing, so that a quiet wire costs nothing.
    return chance.possible() && chance.hits(random_.next_u32());
}

bool Fates::in_burst(Instant now) {
    if (burst_ && now - burst_frame_ >= kBurstQuiet) burst_ = false;
    if (burst_ ? hits(plan_.burst_end) : hits(plan_.burst_start)) burst_ = !burst_;
    if (burst_) burst_frame_ = now;
    return burst_;
}

Fate Fates::draw(std::size_t frame_bytes, Instant now) {
    Fate fate;
    fate.delay = plan_.delay;
    if (plan_.jitter > Duration{}) {
        const auto extra = random_.below(static_cast<std::uint64_t>(plan_.jitter.us()) + 1);
        fate.delay = fate.delay + Duration::from_us(static_cast<std::int64_t>(extra));
    }
    const bool burst = in_burst(now);
    fate.drop = hits(plan_.loss) || burst || is_down(plan_, now);
    if (hits(plan_.reorder)) fate.delay = fate.delay + kReorderHold;
    if (hits(plan_.corrupt)) {
        fate.corrupt_bit = static_cast<std::int32_t>(random_.below(frame_bytes * 8));
    }
    if (hits(plan_.truncate) && frame_bytes > kHeaderBytes) {
        const std::uint64_t kept = kHeaderBytes + random_.below(frame_bytes - kHeaderBytes);
        fate.truncate_to = static_cast<std::int32_t>(kept);
    }
    if (hits(plan_.duplicate)) {
        fate.duplicate = true;
        fate.duplicate_delay = fate.delay;
    }
    return fate;
}

Fate Fates::next(std::size_t frame_bytes, Instant now) {
    Fate fate;
    if (drawn_) {
        fate = draw(frame_bytes, now);
    } else if (given_at_ < given_.size()) {
        fate = given_[given_at_++];
    } else {
        fate.delay = plan_.delay;
    }
    if (record_) recorded_.push_back(fate);
    return fate;
}

void Fates::calm() {
    drawn_ = false;
    given_.clear();
    given_at_ = 0;
}

std::vector<std::pair<std::uint32_t, Fate>> Fates::departures() const {
    const Fate plain{.delay = plan_.delay};
    std::vector<std::pair<std::uint32_t, Fate>> made;
    std::uint32_t number = 0;
    for (const Fate& fate : recorded_) {
        if (fate != plain) made.emplace_back(number, fate);
        ++number;
    }
    return made;
}

}  // namespace kyu::host
