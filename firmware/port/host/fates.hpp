// Fates: what a wire does to each frame, as data.
//
//     Fates fates = Fates::from_seed({.delay = 200_us, .loss = Chance::of(0.01)}, 7);
//     const Fate fate = fates.next(frame_bytes, now);   // drawn, and recorded
//     Fates again = Fates::given(fates.recorded(), plan);
//
// Context   the driver; pure. The simulator and the real wire draw from the same plan.
// Rules     whole numbers only, no distribution of the standard library: a seed gives the same
//           fates with every compiler, on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace kyu::host {

/// A probability in parts of 2^32.
class Chance {
    std::uint64_t parts_{0};  // 2^32: always
    constexpr explicit Chance(std::uint64_t parts) : parts_(parts) {}

public:
    constexpr Chance() = default;
    /// 0.0 to 1.0; beyond that it is never or always.
    static constexpr Chance of(double probability) {
        if (!(probability > 0.0)) return Chance{0};
        if (probability >= 1.0) return Chance{std::uint64_t{1} << 32U};
        return Chance{static_cast<std::uint64_t>(probability * 4294967296.0)};
    }
    [[nodiscard]] constexpr bool hits(std::uint32_t draw) const { return draw < parts_; }
    [[nodiscard]] constexpr bool possible() const { return parts_ > 0; }
    [[nodiscard]] double value() const { return static_cast<double>(parts_) / 4294967296.0; }
    friend constexpr bool operator==(Chance, Chance) = default;
};

/// While a wire is down it drops everything: from `down_at` until just before `up_at`.
struct Flap {
    Instant down_at{};
    Instant up_at{};
};

struct FatePlan {
    Duration delay{};                   ///< of every frame
    Duration jitter{};                  ///< up to so much more, evenly; may reorder
    std::uint64_t rate_bytes_per_s{0};  ///< 0: no limit
    Chance loss{};
    Chance burst_start{};  ///< Gilbert and Elliott: the bad state begins, ...
    Chance burst_end{};    ///< ... and ends (or by kBurstQuiet); in it every frame is lost
    Chance duplicate{};
    Chance reorder{};   ///< held back, so that the next ones overtake it
    Chance corrupt{};   ///< one bit is inverted
    Chance truncate{};  ///< the tail is cut off
    std::vector<Flap> flaps{};
};

/// How long a reordered frame is held back.
inline constexpr Duration kReorderHold = Duration::from_us(500);

/// A burst is over when no frame came for so long. Chances count frames, and where everybody waits
/// for a timer there are few: without this a disturbance of five frames lasts for minutes. Below
/// the least retransmission timeout of either end (200 ms): a timer that runs out meets new luck.
inline constexpr Duration kBurstQuiet = Duration::from_us(100'000);

/// What becomes of one frame.
struct Fate {
    bool drop{false};
    Duration delay{};
    std::int32_t corrupt_bit{-1};  ///< from the first bit of the first byte; -1: none
    std::int32_t truncate_to{-1};  ///< bytes; -1: whole
    bool duplicate{false};
    Duration duplicate_delay{};  ///< of the second copy
    friend bool operator==(const Fate&, const Fate&) = default;
};

/// SplitMix64: every seed a full period; small, and the same everywhere.
class SplitMix {
    std::uint64_t state_;

public:
    explicit SplitMix(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next_u64() {
        state_ += 0x9E37'79B9'7F4A'7C15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
        return z ^ (z >> 31U);
    }
    std::uint32_t next_u32() { return static_cast<std::uint32_t>(next_u64() >> 32U); }
    /// 0 to bound - 1; 0 when bound is 0.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next_u64() % bound; }
};

/// The fates of all frames in one direction of a wire.
class Fates {
    FatePlan plan_;
    SplitMix random_;
    bool drawn_;             // from the seed; else from given_
    bool burst_{false};      // the bad state of Gilbert and Elliott
    Instant burst_frame_{};  // when it took its last one
    std::vector<Fate> given_;
    std::size_t given_at_{0};
    bool record_{false};
    std::vector<Fate> recorded_;

    Fates(FatePlan plan, std::uint64_t seed, bool drawn, std::vector<Fate> given);
    Fate draw(std::size_t frame_bytes, Instant now);
    bool in_burst(Instant now);
    bool hits(Chance chance);

public:
    static Fates from_seed(FatePlan plan, std::uint64_t seed);
    /// These, one a frame; frames after the last have the plan's delay and nothing else.
    static Fates given(std::vector<Fate> fates, FatePlan plan = {});

    /// Of the next frame.
    Fate next(std::size_t frame_bytes, Instant now);
    /// From now on frames have the plan's delay and rate, and nothing else.
    void calm();
    /// Keep what next() says from now on.
    void record(bool on) { record_ = on; }
    [[nodiscard]] const std::vector<Fate>& recorded() const { return recorded_; }
    /// Of what was recorded, each fate that is more than the plan's delay, with its frame's number
    /// from 0. given() with these and plain ones in between is the same wire again.
    [[nodiscard]] std::vector<std::pair<std::uint32_t, Fate>> departures() const;
    [[nodiscard]] const FatePlan& plan() const { return plan_; }
};

}  // namespace kyu::host
