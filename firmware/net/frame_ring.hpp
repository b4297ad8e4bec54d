// FrameRing: the last frames in both directions, for tcptrace, the crash record and the rig.
//
// Rules     One fixed slot a frame: when, which way, how long, its first bytes as they were on the
//           wire, and what TCP thought right after it. Recording formats nothing: some 45
//           instructions, a third of them a copy of whole words (docs/sockets.md). The layout is
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
#include "net/link.hpp"
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

    /// Numbers are packed into words: one store each.
    class Slot {
        friend class FrameRing;
        std::uint64_t at_us_;
        std::uint32_t frame_;  ///< length | way << 16 | skip << 24
        std::uint32_t tcp_;    ///< state | timers << 8
        alignas(8) std::array<std::byte, kBytes> bytes_;

        [[nodiscard]] std::size_t skip() const { return frame_ >> 24U; }

    public:
        [[nodiscard]] std::uint64_t at_us() const { return at_us_; }
        [[nodiscard]] std::uint32_t length() const { return frame_ & 0xFFFFU; }
        [[nodiscard]] FrameWay way() const { return static_cast<FrameWay>(frame_ >> 16U & 1U); }
        /// ConnectionState after the frame; kNoState: not TCP's.
        [[nodiscard]] std::uint8_t state() const { return static_cast<std::uint8_t>(tcp_); }
        /// Bit n: TcpTimer n was armed.
        [[nodiscard]] unsigned timers() const { return tcp_ >> 8U; }
        /// Its first bytes.
        [[nodiscard]] std::span<const std::byte> frame() const {
            return std::span{bytes_}.subspan(skip(),
                                             std::min<std::size_t>(length(), kBytes - skip()));
        }
    };
    static_assert(sizeof(Slot) == 96);

private:
    /// Whole words, few enough that the compiler copies them without a call.
    struct [[gnu::may_alias]] Most {
        std::array<std::uint32_t, 16> words;
    };
    struct [[gnu::may_alias]] Rest {
        std::array<std::uint32_t, (kBytes - sizeof(Most)) / sizeof(std::uint32_t)> words;
    };
    static_assert(sizeof(Most) + sizeof(Rest) == kBytes);

    static constexpr std::uint32_t kMagic = 0x4655'594B;  // "KYUF"
    static constexpr std::uint16_t kVersion = 1;

    // For who reads the memory.
    [[maybe_unused]] std::uint32_t magic_{kMagic};
    [[maybe_unused]] std::uint16_t version_{kVersion};
    [[maybe_unused]] std::uint16_t slot_bytes_{sizeof(Slot)};
    [[maybe_unused]] std::uint32_t slot_count_{kFrameRingKept ? kSlots : 1};
    std::uint32_t written_{0};  ///< since boot; the newest is at (written_ - 1) % kSlots
    std::array<Slot, kFrameRingKept ? kSlots : 1> slots_{};

    static_assert((kSlots & (kSlots - 1)) == 0);
    Slot& slot(std::uint32_t number) { return slots_[number % slots_.size()]; }
    Slot& next(std::uint32_t length, Instant at, FrameWay way) {
        Slot& s = slot(written_++);
        s.at_us_ = static_cast<std::uint64_t>(at.us());
        s.tcp_ = kNoState;
        s.frame_ = length | static_cast<std::uint32_t>(way) << 16U;  // no frame is of 64 KiB
        return s;
    }
    /// Whole words, from the word in which the frame begins: stale bytes behind a short frame are
    /// copied too, which is cheaper than to ask where it ends. kBytes are there.
    static void copy(Slot& s, const std::byte* frame) {
        const std::size_t odd = reinterpret_cast<std::uintptr_t>(frame) % 4;
        s.frame_ |= static_cast<std::uint32_t>(odd) << 24U;
        const auto* words = reinterpret_cast<const Most*>(frame - odd);
        auto* to = reinterpret_cast<Most*>(s.bytes_.data());
        *to = *words;
        *reinterpret_cast<Rest*>(to + 1) = *reinterpret_cast<const Rest*>(words + 1);
    }
    static void copy_slowly(Slot& slot, std::span<const std::byte> front);

public:
    /// `frame` begins with its Ethernet header.
    void record(const Mbuf& frame, Instant at, FrameWay way) {
        const Segment& head = *frame.head();
        const auto first = reinterpret_cast<std::uintptr_t>(head.data);
        const auto end = reinterpret_cast<std::uintptr_t>(
            head.cluster != nullptr ? static_cast<const void*>(head.cluster + 1) : &head + 1);
        Slot& s = next(frame.size(), at, way);
        if (end - first < kBytes || end - first > kClusterBytes)
            return copy_slowly(s, head.bytes());
        copy(s, head.data);
    }
    /// The same of a frame that the link shows (Link::peek).
    void record(std::span<const std::byte> frame, Instant at, FrameWay way) {
        static_assert(Link::kPeekBytes >= kBytes);
        copy(next(static_cast<std::uint32_t>(frame.size()), at, way), frame.data());
    }
    /// What TCP thinks of the connection between these ports now. Kept with the newest frame, if
    /// that is one of its segments: in a batch others may have come behind it.
    void note(std::uint16_t local_port, std::uint16_t remote_port, unsigned state,
              unsigned timers) {
        if constexpr (!kFrameRingKept) return;
        constexpr std::size_t kPortsAt = 14 + 20;  // behind Ethernet and an IP header of no options
        Slot& s = slot(written_ - 1);
        const bool in = s.way() == FrameWay::in;
        const std::uint32_t ports = in ? std::uint32_t{remote_port} << 16U | local_port
                                       : std::uint32_t{local_port} << 16U | remote_port;
        std::uint32_t found = 0;
        std::memcpy(&found, &s.bytes_[s.skip() + kPortsAt], sizeof found);
        if (found == __builtin_bswap32(ports)) s.tcp_ = state | timers << 8U;
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
