// RxRing and TxRing: descriptors and the packets that hang on them.
//
// Ownership a slot's Mbuf belongs to the ring while the device may touch it. take_from_device()
//           and give_to_device() are the only places where memory changes hands.
// Rules     slots are used strictly in order, because the device walks the chain; a receive slot is
//           never left unarmed, or the device would skip it and the frames after it come out of
//           order (h3.md §7).
// Context   threads. Lock: the network lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/check.hpp"
#include "drivers/emac/descriptor.hpp"
#include "drivers/emac/dma.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::emac {

/// Closes the chain: each descriptor points to the next, the last to the first; none is owned.
template <DmaMemory D, std::size_t N>
void link_chain(D& dma, std::array<Descriptor, N>& slots) {
    for (std::size_t i = 0; i < N; ++i) {
        dma.store(slots[i].status, 0);
        dma.store(slots[i].control, 0);
        dma.store(slots[i].buffer, 0);
        dma.store(slots[i].next, dma.bus_address(&slots[(i + 1) % N]));
    }
    dma.before_device();
}

/// A frame as it lies in its slot.
struct Received {
    std::span<const std::byte> bytes{};  ///< without FCS; empty when the frame is not good
    [[nodiscard]] bool good() const { return !bytes.empty(); }
};

template <DmaMemory D, std::size_t N>
class RxRing {
    static_assert(N >= 2);
    D& dma_;
    std::array<Descriptor, N>& slots_;
    std::array<net::Mbuf, N> clusters_;
    std::size_t next_{0};

    /// Where the cluster of `slot` begins: fill() has taken it whole, and nobody else holds it.
    [[nodiscard]] std::byte* buffer(std::size_t slot) const { return clusters_[slot].head()->data; }

    void give_to_device(std::size_t slot) {
        // A dirty line written back later would overwrite what the device has put there.
        dma_.invalidate(buffer(slot), whole_lines(clusters_[slot].give_up_writes()));
        Descriptor& d = slots_[slot];
        dma_.store(d.buffer, dma_.bus_address(buffer(slot)));
        dma_.store(d.control,
                   RxControl::Chained::of(1) | RxControl::BufferBytes::of(kRxBufferBytes));
        dma_.before_device();
        // The whole word: flags of the last frame that stay would be believed (h3.md §7).
        dma_.store(d.status, Status::Own::mask);
    }
    void advance() { next_ = (next_ + 1) % N; }

public:
    RxRing(D& dma, std::array<Descriptor, N>& slots) : dma_(dma), slots_(slots) {}
    RxRing(const RxRing&) = delete;
    RxRing& operator=(const RxRing&) = delete;

    /// Gives every slot a cluster that has none. False: the pool is too small.
    [[nodiscard]] bool fill(net::MbufPool& pool) {
        for (net::Mbuf& cluster : clusters_) {
            if (!cluster) cluster = pool.allocate_cluster();
            if (!cluster) return false;
        }
        return true;
    }
    /// Hands all slots to the device, the first is next. The device must be stopped.
    void arm_all() {
        link_chain(dma_, slots_);
        for (std::size_t i = 0; i < N; ++i) give_to_device(i);
        dma_.before_device();
        next_ = 0;
    }

    /// The next slot holds a frame.
    [[nodiscard]] bool frame_waiting() const {
        return (dma_.load(slots_[next_].status) & Status::Own::mask) == 0;
    }
    /// Looks at the frame of the next slot; frame_waiting() said that there is one. It stays there
    /// until replace() or reuse().
    [[nodiscard]] Received take_from_device() {
        const std::uint32_t status = dma_.load(slots_[next_].status);
        dma_.after_device();
        const std::uint32_t length = RxStatus::Length::in(status);
        const bool whole = (status & RxStatus::kWhole) == RxStatus::kWhole;
        if (!whole || (status & RxStatus::kErrors) != 0) return {};
        if (length < kEthernetHeaderBytes + kFcsBytes || length > kRxBufferBytes) return {};
        const std::size_t bytes = length - kFcsBytes;
        // The processor may have fetched lines ahead of time while the device was still writing.
        dma_.invalidate(buffer(next_), whole_lines(bytes));
        return {{buffer(next_), bytes}};
    }
    /// Arms the next slot with `fresh` and returns the cluster that was there, cut to `bytes`.
    [[nodiscard]] net::Mbuf replace(net::Mbuf&& fresh, std::size_t bytes) {
        std::swap(fresh, clusters_[next_]);
        give_to_device(next_);
        advance();
        fresh.trim_back(fresh.size() - bytes);
        return std::move(fresh);
    }
    /// Arms the next slot with the cluster that it has: the frame there is gone.
    void reuse() {
        give_to_device(next_);
        advance();
    }

    /// Where the device has to go on so that both sides agree.
    [[nodiscard]] std::uint32_t next_address() const { return dma_.bus_address(&slots_[next_]); }
    [[nodiscard]] std::uint32_t first_address() const { return dma_.bus_address(&slots_[0]); }
};

/// A frame may be in this many pieces, the padding included; more are copied into one.
inline constexpr std::size_t kTxPiecesMax = 8;

/// In how many pieces a frame lies.
[[nodiscard]] inline std::size_t pieces_of(const net::Mbuf& frame) {
    std::size_t n = 0;
    for (const net::Segment* s = frame.head(); s != nullptr; s = s->next) n += s->size != 0;
    return n;
}

/// What take_from_device() brought back.
struct Sent {
    std::uint32_t frames{};
    std::uint32_t errors{};
};

template <DmaMemory D, std::size_t N>
class TxRing {
    static_assert(N >= 2 * kTxPiecesMax && (N & (N - 1)) == 0, "counters are masked");
    D& dma_;
    std::array<Descriptor, N>& slots_;
    std::array<net::Mbuf, N> frames_;  // at the slot of the frame's last piece
    // Both only grow; the difference is how many slots are in use.
    std::uint32_t filled_{0};
    std::uint32_t reclaimed_{0};

    static std::size_t index(std::uint32_t counter) { return counter & (N - 1); }

public:
    TxRing(D& dma, std::array<Descriptor, N>& slots) : dma_(dma), slots_(slots) {}
    TxRing(const TxRing&) = delete;
    TxRing& operator=(const TxRing&) = delete;

    /// Drops every frame and starts at the first slot. The device must be stopped.
    void clear() {
        for (net::Mbuf& frame : frames_) frame = net::Mbuf{};
        filled_ = reclaimed_ = 0;
        link_chain(dma_, slots_);
    }
    [[nodiscard]] std::size_t in_use() const { return filled_ - reclaimed_; }
    [[nodiscard]] std::size_t free() const { return N - in_use(); }
    [[nodiscard]] std::uint32_t first_address() const { return dma_.bus_address(&slots_[0]); }

    /// Hands over a frame of `pieces` pieces, with `padding` behind it; together 1 to free() slots.
    /// The frame is kept until the device is done with the last one. The device hears of it when
    /// it is kicked, after before_device().
    void give_to_device(net::Mbuf&& frame, std::size_t pieces, std::span<const std::byte> padding,
                        std::uint32_t checksum) {
        const std::size_t count = pieces + (padding.empty() ? 0 : 1);
        CHECK(count > 0 && count <= free());
        const std::uint32_t first = filled_;
        const std::uint32_t last = first + static_cast<std::uint32_t>(count) - 1;
        // The manual wants the checksum mode in the first, QEMU looks in the last: in all.
        const std::uint32_t control = TxControl::Chained::of(1) | TxControl::Interrupt::of(1) |
                                      TxControl::Checksum::of(checksum);
        const auto fill = [&](std::span<const std::byte> piece) {
            dma_.clean(piece.data(), piece.size());
            Descriptor& d = slots_[index(filled_)];
            dma_.store(d.buffer, dma_.bus_address(piece.data()));
            dma_.store(d.control,
                       control | TxControl::First::of(filled_ == first) |
                           TxControl::Last::of(filled_ == last) |
                           TxControl::BufferBytes::of(static_cast<std::uint32_t>(piece.size())));
            if (filled_ != first) dma_.store(d.status, Status::Own::mask);
            ++filled_;
        };
        for (const net::Segment* s = frame.head(); s != nullptr; s = s->next) {
            if (s->size != 0) fill(s->bytes());
        }
        if (!padding.empty()) fill(padding);
        frames_[index(last)] = std::move(frame);
        // The first piece last: the device must never reach a piece that is not its own yet, or the
        // front of the frame is lost and its tail goes out alone (h3.md §7).
        dma_.before_device();
        dma_.store(slots_[index(first)].status, Status::Own::mask);
    }

    /// Takes back what the device is done with, in order, and frees it.
    Sent take_from_device() {
        Sent sent;
        while (reclaimed_ != filled_) {
            const std::size_t slot = index(reclaimed_);
            const std::uint32_t status = dma_.load(slots_[slot].status);
            if ((status & Status::Own::mask) != 0) break;
            ++reclaimed_;
            if (!frames_[slot]) continue;
            dma_.after_device();
            frames_[slot] = net::Mbuf{};
            ++sent.frames;
            if ((status & TxStatus::ErrorSummary::mask) != 0) ++sent.errors;
        }
        return sent;
    }
};

}  // namespace kyu::emac
