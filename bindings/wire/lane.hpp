// Lane: one direction of the wire between a host and a board.
//
// Rules     Draws a fate for each frame and keeps those that are under way. Knows no descriptor and
//           no clock: who calls it says what time it is. A rate limit, a delay and a reordering
//           mean what they mean in the simulator (port/host/world.cpp).
// Limits    kUnderWayMax frames under way; more are dropped and counted.
// Context   the bridge's thread, with the bridge's lock held.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "port/host/fates.hpp"

namespace kyu::wire {

/// Nanoseconds of the monotonic clock.
using TimeNs = std::int64_t;

struct LaneCounters {
    std::uint64_t frames{0};  ///< that came in
    std::uint64_t bytes{0};
    std::uint64_t delivered{0};
    std::uint64_t dropped{0};  ///< by their fate, or because the lane is cut
    std::uint64_t duplicated{0};
    std::uint64_t corrupted{0};
    std::uint64_t truncated{0};
    std::uint64_t overflowed{0};  ///< too many under way
    std::uint64_t refused{0};     ///< the far side took none for too long, or was gone
    std::uint64_t own_ns{0};      ///< spent in here, summed over `frames`
};

class Lane {
    struct Delivery {
        TimeNs at;
        std::uint64_t number;
        std::vector<std::byte> frame;
    };
    struct Later {
        bool operator()(const Delivery& a, const Delivery& b) const {
            return std::pair{a.at, a.number} > std::pair{b.at, b.number};
        }
    };
    static constexpr std::size_t kUnderWayMax = 8192;

    host::Fates fates_{host::Fates::given({})};
    bool faulty_{false};
    bool cut_{false};
    TimeNs began_{0};  // of the plan: its flaps count from here
    TimeNs busy_until_{0};
    std::uint64_t number_{0};
    std::vector<Delivery> under_way_;

    static void spoil(std::vector<std::byte>& frame, const host::Fate& fate) {
        if (fate.truncate_to >= 0 && static_cast<std::size_t>(fate.truncate_to) < frame.size()) {
            frame.resize(static_cast<std::size_t>(fate.truncate_to));
        }
        const auto bit = static_cast<std::size_t>(std::max(fate.corrupt_bit, 0));
        if (fate.corrupt_bit >= 0 && bit / 8 < frame.size()) {
            frame[bit / 8] ^= std::byte{0x80} >> static_cast<int>(bit % 8);
        }
    }
    void put_under_way(TimeNs at, std::vector<std::byte> frame) {
        if (under_way_.size() >= kUnderWayMax) {
            ++counters.overflowed;
            return;
        }
        under_way_.push_back({at, number_++, std::move(frame)});
        std::ranges::push_heap(under_way_, Later{});
    }
    [[nodiscard]] TimeNs leaves_at(std::size_t bytes, TimeNs now) {
        const std::uint64_t rate = fates_.plan().rate_bytes_per_s;
        if (rate == 0) return now;
        busy_until_ =
            std::max(now, busy_until_) + static_cast<TimeNs>(bytes * 1'000'000'000U / rate);
        return busy_until_;
    }
    void count(const host::Fate& fate) {
        counters.duplicated += fate.duplicate ? 1U : 0U;
        counters.corrupted += fate.corrupt_bit >= 0 ? 1U : 0U;
        counters.truncated += fate.truncate_to >= 0 ? 1U : 0U;
    }

public:
    LaneCounters counters;

    void set(host::FatePlan plan, std::uint64_t seed, TimeNs now) {
        fates_ = host::Fates::from_seed(std::move(plan), seed);
        faulty_ = true;
        began_ = busy_until_ = now;
    }
    void clear() { faulty_ = false; }
    /// A cut lane drops everything: the other direction may go on.
    void cut(bool is_cut) { cut_ = is_cut; }

    /// A frame has come in. Calls deliver(bytes) when it goes on at once, else it is under way.
    /// Returns what became of it.
    template <typename Deliver>
    host::Fate enter(std::span<const std::byte> frame, TimeNs now, Deliver&& deliver) {
        ++counters.frames;
        counters.bytes += frame.size();
        host::Fate fate;
        if (faulty_) fate = fates_.next(frame.size(), Instant::from_us((now - began_) / 1000));
        fate.drop = fate.drop || cut_;
        if (fate.drop) {
            ++counters.dropped;
            return fate;
        }
        if (fate == host::Fate{} && under_way_.empty() && fates_.plan().rate_bytes_per_s == 0) {
            deliver(frame);
            return fate;
        }
        count(fate);
        const TimeNs leaves = faulty_ ? leaves_at(frame.size(), now) : now;
        std::vector<std::byte> copy(frame.begin(), frame.end());
        spoil(copy, fate);
        if (fate.duplicate) put_under_way(leaves + fate.duplicate_delay.us() * 1000, copy);
        put_under_way(leaves + fate.delay.us() * 1000, std::move(copy));
        return fate;
    }
    /// Calls deliver(bytes) for each frame that is due.
    template <typename Deliver>
    void run(TimeNs now, Deliver&& deliver) {
        while (!under_way_.empty() && under_way_.front().at <= now) {
            std::ranges::pop_heap(under_way_, Later{});
            const Delivery due = std::move(under_way_.back());
            under_way_.pop_back();
            deliver(std::span<const std::byte>{due.frame});
        }
    }
    /// When run() has something to do again; INT64_MAX: nothing is under way.
    [[nodiscard]] TimeNs next() const {
        return under_way_.empty() ? INT64_MAX : under_way_.front().at;
    }
};

}  // namespace kyu::wire
