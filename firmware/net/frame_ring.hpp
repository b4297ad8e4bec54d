// FrameRing: the last frames in both directions, for tcptrace, the crash record and the rig.
//
// Rules     One fixed slot a frame: when, which way, how long, its first bytes as they were on the
//           wire, and what TCP thought right after it. Recording formats nothing: some 30
//           instructions, mostly a copy of whole words (docs/adr/0006-frame-ring.md). The layout is
//           read from outside (rig/inspect/frames.py): it changes together with kVersion.
// Ownership part of LockedNet; the kernel knows where it lies (Kernel::note_ring).
// Lock      the network lock. A panic reads it without.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/time.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

/// Without it recording costs nothing, and tcptrace and the rig find an empty ring.
inline constexpr bool kFrameRingKept = true;

enum class FrameWay : std::uint8_t { in, out };

class FrameRing {
public:
    static constexpr std::size_t kSlots = 256;
    /// Ethernet, IP, TCP with timestamps and a SACK block, from a start at an odd half-word.
    static constexpr std::size_t kBytes = 80;
    static constexpr std::uint8_t kNoState = 0xFF;

    struct Slot {
        std::uint64_t at_us;
        std::uint16_t length;  ///< of the whole frame
        FrameWay way;
        std::uint8_t skip;    ///< the frame begins so far into `bytes`
        std::uint8_t state;   ///< ConnectionState after it; kNoState: not TCP's
        std::uint8_t timers;  ///< bit n: TcpTimer n was armed
        std::uint16_t spare;
        std::array<std::byte, kBytes> bytes;

        [[nodiscard]] std::span<const std::byte> frame() const {
            const std::size_t kept = std::min<std::size_t>(length, kBytes - skip);
            return std::span{bytes}.subspan(skip, kept);
        }
    };
    static_assert(sizeof(Slot) == 96);

private:
    static constexpr std::uint32_t kMagic = 0x4655'594B;  // "KYUF"
    static constexpr std::uint16_t kVersion = 1;

    std::uint32_t magic_{kMagic};
    std::uint16_t version_{kVersion};
    std::uint16_t slot_bytes_{sizeof(Slot)};
    std::uint32_t slot_count_{kSlots};
    std::uint32_t written_{0};  ///< since boot; the newest is at (written_ - 1) % kSlots
    std::array<Slot, kFrameRingKept ? kSlots : 1> slots_{};

    static_assert((kSlots & (kSlots - 1)) == 0);
    Slot& slot(std::uint32_t number) { return slots_[number % slots_.size()]; }
    static void copy_slowly(Slot& slot, std::span<const std::byte> front);

public:
    /// `frame` begins with its Ethernet header.
    void record(const Mbuf& frame, Instant at, FrameWay way) {
        if constexpr (!kFrameRingKept) return;
        Slot& s = slot(written_++);
        s.at_us = static_cast<std::uint64_t>(at.us());
        s.length = static_cast<std::uint16_t>(frame.size());
        s.way = way;
        s.state = kNoState;
        // Whole words, from the word in which the frame begins: stale bytes behind a short frame
        // are copied too, which is cheaper than to ask where it ends.
        const Segment& head = *frame.head();
        const auto first = reinterpret_cast<std::uintptr_t>(head.data);
        const auto end = reinterpret_cast<std::uintptr_t>(
            head.cluster != nullptr ? static_cast<const void*>(head.cluster + 1) : &head + 1);
        const std::byte* from = head.data - first % 4;
        if (end - first < kBytes || end - first > kClusterBytes) return copy_slowly(s, head.bytes());
        s.skip = static_cast<std::uint8_t>(first % 4);
        const void* words = __builtin_assume_aligned(from, 4);
        std::memcpy(s.bytes.data(), words, kBytes / 2);  // two halves: a call costs more than both
        std::memcpy(s.bytes.data() + kBytes / 2, static_cast<const std::byte*>(words) + kBytes / 2,
                    kBytes / 2);
    }
    /// What TCP thinks after the newest frame.
    void note(std::uint8_t state, unsigned timers) {
        if constexpr (!kFrameRingKept) return;
        Slot& s = slot(written_ - 1);
        s.state = state;
        s.timers = static_cast<std::uint8_t>(timers);
    }

    /// Frames that are kept.
    [[nodiscard]] std::uint32_t size() const {
        const auto room = static_cast<std::uint32_t>(slots_.size());
        return written_ < room ? written_ : room;
    }
    /// The i-th, 0 the oldest kept; i < size().
    [[nodiscard]] const Slot& oldest(std::uint32_t i) const {
        return slots_[(written_ - size() + i) % slots_.size()];
    }
    [[nodiscard]] std::uint32_t written() const { return written_; }
};

}  // namespace kyu::net
