// Choices: the one stream that every departure from the board's own schedule is drawn from.
//
//     Choices choices = Choices::pct(seed, 3, 2000);
//     machine.explore(&choices);                        // run; it fails
//     auto fewer = shrink(choices.recorded(), fails);   // to_text(fewer) replays it
//
// Where     at every kernel call that may switch threads, and at the marked points of the stack
//           (port::marked_point(): between two steps of sosend, soreceive, tcp_output, …). Both are
//           the same kinds of choice; a marked point is none while nobody explores.
// Context   the host thread that runs the machines. One Choices may serve all machines of a world.
// Ownership the caller's; it outlives the run of every machine that explores with it.
// Rules     Only departures are recorded: an empty list is the board with its strict priorities, so
//           that to leave one out is to make a schedule simpler. Whole numbers only: a seed gives
//           the same choices on every machine and in every build.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "kernel/port.hpp"

namespace kyu::host {

/// What one step of ChoiceKind::time costs.
inline constexpr Duration kChoiceTimeUnit = Duration::from_us(100);
/// Most steps of ChoiceKind::time at one scheduling point.
inline constexpr unsigned kChoiceTimeMax = 30;

/// A choice other than 0: the `at`-th of the run, counted from 0.
struct Deviation {
    std::uint32_t at{};
    ChoiceKind kind{};
    std::uint16_t value{};
    friend bool operator==(const Deviation&, const Deviation&) = default;
};

/// How often a random chooser departs: once in so many choices of a kind; 0 never.
struct ChoiceRates {
    std::uint32_t point{20};
    std::uint32_t turn{4};
    std::uint32_t preempt{8};
    std::uint32_t time{30};
    std::uint32_t time_max{10};  ///< steps of kChoiceTimeUnit, at most kChoiceTimeMax
    std::uint32_t spurious{50};
    std::uint32_t allocation{0};
};

class Chooser;  // schedule.cpp

class Choices {
    std::unique_ptr<Chooser> chooser_;
    std::vector<Deviation> recorded_;
    std::uint32_t count_{0};
    explicit Choices(std::unique_ptr<Chooser> chooser);

public:
    ~Choices();
    Choices(Choices&& other) noexcept;
    Choices& operator=(Choices&& other) noexcept;

    /// Each choice by itself, as often as `rates` say.
    static Choices random(std::uint64_t seed, const ChoiceRates& rates = {});
    /// Probabilistic concurrency testing: threads get random priorities, and at `depth` - 1 of the
    /// first `points` scheduling points the running thread falls below all others. Finds a bug that
    /// takes `depth` ordering constraints with a chance that has a lower bound. Time, spurious
    /// wake-ups and failing allocations as `rates` say.
    static Choices pct(std::uint64_t seed, unsigned depth, std::uint32_t points,
                       const ChoiceRates& rates = {});
    /// Every `slice` scheduling points the next thread in the order of ids; no priorities.
    static Choices round_robin(std::uint32_t slice = 1);
    /// What was recorded; choices that no longer exist are left out (diverged() counts them).
    static Choices replay(std::vector<Deviation> deviations);

    /// `host`: which machine of a world asks.
    unsigned choose(const ChoicePoint& point, unsigned host);
    /// Choices made so far.
    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] std::uint32_t diverged() const;
    /// In order of `at`.
    [[nodiscard]] const std::vector<Deviation>& recorded() const { return recorded_; }
};

/// "41:s2 77:t30": a letter for each kind (s point, n turn, p preempt, t time, w spurious,
/// a allocation).
[[nodiscard]] std::string to_text(const std::vector<Deviation>& deviations);
/// nullopt: not such a text.
[[nodiscard]] std::optional<std::vector<Deviation>> parse_deviations(std::string_view text);

/// Leaves out what a failure does not need: the result still fails, and leaving out any single
/// deviation of it does not. Deterministic; calls `fails` at most `tries` times, after which the
/// shortest so far is returned.
[[nodiscard]] std::vector<Deviation> shrink(
    std::vector<Deviation> failing, const std::function<bool(const std::vector<Deviation>&)>& fails,
    unsigned tries = 1000);

}  // namespace kyu::host
