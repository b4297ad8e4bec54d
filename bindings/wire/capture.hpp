// Capture: the last frames that passed, with what became of them, and marks between them.
//
// Limits    a budget of bytes: the oldest go first. A frame counts with what is kept of it.
// Context   the bridge's lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "bindings/wire/lane.hpp"

namespace kyu::wire {

struct Captured {
    TimeNs at{0};
    bool to_board{false};
    bool mark{false};  ///< `text` alone: somebody has said what begins or ends here
    host::Fate fate{};
    std::uint32_t length{0};  ///< of the frame as it came in
    std::vector<std::byte> bytes{};
    std::string text{};
};

class Capture {
    static constexpr std::size_t kOverhead = 96;  // of an entry, about
    std::size_t budget_;
    std::size_t snap_;
    std::size_t kept_{0};
    std::deque<Captured> entries_;
    std::uint64_t forgotten_{0};

    static std::size_t cost(const Captured& c) {
        return kOverhead + c.bytes.size() + c.text.size();
    }
    void push(Captured entry) {
        kept_ += cost(entry);
        entries_.push_back(std::move(entry));
        while (kept_ > budget_ && entries_.size() > 1) {
            kept_ -= cost(entries_.front());
            entries_.pop_front();
            ++forgotten_;
        }
    }

public:
    /// `budget` bytes in all, the first `snap` of each frame. A budget of 0 keeps nothing.
    Capture(std::size_t budget, std::size_t snap) : budget_(budget), snap_(snap) {}

    void frame(TimeNs at, bool to_board, std::span<const std::byte> frame, const host::Fate& fate) {
        if (budget_ == 0) return;
        const auto kept = frame.first(std::min(frame.size(), snap_));
        push({.at = at,
              .to_board = to_board,
              .fate = fate,
              .length = static_cast<std::uint32_t>(frame.size()),
              .bytes = {kept.begin(), kept.end()}});
    }
    void mark(TimeNs at, std::string text) {
        if (budget_ != 0) push({.at = at, .mark = true, .text = std::move(text)});
    }
    [[nodiscard]] std::vector<Captured> all() const { return {entries_.begin(), entries_.end()}; }
    void forget() {
        forgotten_ += entries_.size();
        entries_ = {};
        kept_ = 0;
    }
    /// Entries that had to go.
    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }
};

}  // namespace kyu::wire
