// SackReport: what our ACKs tell of data that came before its turn, and of what came twice.
//
// Rules     RFC 2018 §4: the block of the segment that has just come is first, others follow by
//           their last news. RFC 2883 §4: a duplicate is told once, before all of them.
// Lock      the network lock.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "net/tcp/reassembly.hpp"
#include "net/tcp/segment.hpp"

namespace kyu::net {

class SackReport {
    static constexpr std::uint8_t kRecentMax = 4;  // without timestamps so many fit
    std::array<SeqNum, kRecentMax> recent_{};      // a number in each of the latest pieces
    std::uint8_t count_{0};
    bool has_duplicate_{false};
    SackBlock duplicate_{};

    void keep_if_outside(const SackBlock& block) {
        auto* const end = recent_.data() + count_;
        auto* const kept = std::remove_if(recent_.data(), end, [&](SeqNum s) {
            return s.in_window(block.first, block.end - block.first);
        });
        count_ = static_cast<std::uint8_t>(kept - recent_.data());
    }

public:
    /// A segment that begins at `first` is in the queue now.
    void arrived(const ReassemblyQueue& queue, SeqNum first) {
        const auto block = queue.piece_around(first);
        if (!block) return;
        keep_if_outside(*block);
        if (count_ == kRecentMax) --count_;
        std::copy_backward(recent_.data(), recent_.data() + count_, recent_.data() + count_ + 1);
        recent_[0] = first;
        ++count_;
    }
    void duplicate(SeqNum first, SeqNum end) {
        if (!end.is_after(first) || has_duplicate_) return;
        has_duplicate_ = true;
        duplicate_ = {first, end};
    }
    [[nodiscard]] bool due(const ReassemblyQueue& queue) const {
        return has_duplicate_ || !queue.empty();
    }
    /// The blocks of an ACK that is about to be sent; at most `out` holds.
    std::size_t take(const ReassemblyQueue& queue, std::span<SackBlock> out) {
        std::size_t n = 0;
        if (has_duplicate_) out[n++] = duplicate_;
        has_duplicate_ = false;
        for (std::uint8_t i = 0; i < count_ && n < out.size(); ++i) {
            if (const auto block = queue.piece_around(recent_[i])) out[n++] = *block;
        }
        return n;
    }
};

}  // namespace kyu::net
