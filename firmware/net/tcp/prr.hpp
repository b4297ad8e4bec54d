// Prr: how many bytes each ACK lets out during recovery (RFC 6937).
//
// Rules     Sends in proportion to what is delivered, so that the window comes down over one round
//           trip instead of falling silent for half of it, and never sends more than was delivered
//           when the network has taken more than its share.
// Context   any. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kyu::net {

class Prr {
    std::uint32_t delivered_{0};
    std::uint32_t out_{0};
    std::uint32_t flight_{1};  ///< RecoverFS

public:
    void begin(std::uint32_t in_flight) {
        delivered_ = out_ = 0;
        flight_ = std::max(in_flight, std::uint32_t{1});
    }
    void sent(std::uint32_t bytes) { out_ += bytes; }
    /// An ACK delivered that many bytes. The window, which is `pipe` and what may go out now.
    /// `progress`: it acknowledged something and told of no further loss (RFC 6937 §3, SSRB).
    [[nodiscard]] std::uint32_t window(std::uint32_t delivered, std::uint32_t pipe,
                                       std::uint32_t threshold, std::uint32_t mss, bool progress) {
        delivered_ += delivered;
        std::uint32_t room = 0;
        if (pipe > threshold) {
            const std::uint64_t share = std::uint64_t{delivered_} * threshold + flight_ - 1;
            const auto due = static_cast<std::uint32_t>(share / flight_);
            room = due > out_ ? due - out_ : 0;
        } else {
            std::uint32_t most = std::max(delivered_ > out_ ? delivered_ - out_ : 0, delivered);
            if (progress) most += mss;
            room = std::min(threshold - pipe, most);
        }
        if (pipe == 0) room = std::max(room, mss);  // or no ACK would ever come
        return pipe + room;
    }
};

}  // namespace kyu::net
