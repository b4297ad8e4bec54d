// GIC-400: the interrupt controller.
//
// Rules     One core, one priority, no nesting: an interrupt runs to its end before the next one.
//           Everything is in group 0 and arrives as IRQ; seen from the Non-secure world the same
//           writes mean group 1, which is as good.
//           make_fast() singles out one interrupt, which then arrives as FIQ: it alone stays in
//           group 0, is more urgent than all others, and interrupts them. Only the Secure world can
//           have that; elsewhere the writes are ignored and it arrives as nothing else.
// Context   init, attach, detach, make_fast with interrupts off; dispatch inside Kernel::run_irq;
//           serve_fast from the FIQ.
// Ownership handlers are plain functions; their argument outlives the attachment.
// Source    ARM IHI 0048 (GIC architecture v2), chapter 4.
#pragma once

#include <array>
#include <cstdint>

#include "base/check.hpp"
#include "drivers/mmio.hpp"

namespace kyu::gic {

struct DistributorControl {
    static constexpr std::uint32_t offset = 0x000;
    using EnableGroup0 = Field<0, 0>;
    using EnableGroup1 = Field<1, 1>;  ///< reserved when seen from the Non-secure world
};
struct Type {
    static constexpr std::uint32_t offset = 0x004;
    using Lines = Field<4, 0>;  ///< 32 * (n + 1) interrupts
};
inline constexpr std::uint32_t kGroup = 0x080;         ///< one bit an interrupt
inline constexpr std::uint32_t kSetEnable = 0x100;     ///< one bit; a 0 does nothing
inline constexpr std::uint32_t kClearEnable = 0x180;   ///< one bit; a 0 does nothing
inline constexpr std::uint32_t kClearPending = 0x280;  ///< one bit; a 0 does nothing
inline constexpr std::uint32_t kClearActive = 0x380;   ///< one bit; a 0 does nothing
inline constexpr std::uint32_t kPriority = 0x400;      ///< one byte, 0 the most urgent
inline constexpr std::uint32_t kTargets = 0x800;       ///< one byte, a bit a core
inline constexpr std::uint32_t kConfig = 0xC00;        ///< two bits; 0: level

struct SoftwareInterrupt {
    static constexpr std::uint32_t offset = 0xF00;
    using Target = Field<25, 24>;
    using Cores = Field<23, 16>;     ///< with target 0: a bit a core
    using ToGroup1 = Field<15, 15>;  ///< from the Secure world: the interrupt is in group 1
    using Id = Field<3, 0>;
    static constexpr std::uint32_t kThisCore = 2;
};

struct CpuControl {
    static constexpr std::uint32_t offset = 0x000;
    using EnableGroup0 = Field<0, 0>;
    using EnableGroup1 = Field<1, 1>;  ///< this and the next: reserved for the Non-secure world
    using AckGroup1 = Field<2, 2>;     ///< Acknowledge serves group 1 too
    using Group0IsFiq = Field<3, 3>;
};
struct PriorityMask {
    static constexpr std::uint32_t offset = 0x004;
};
struct BinaryPoint {
    static constexpr std::uint32_t offset = 0x008;
};
struct Acknowledge {
    static constexpr std::uint32_t offset = 0x00C;
    using Id = Field<9, 0>;
};
struct EndOfInterrupt {
    static constexpr std::uint32_t offset = 0x010;
};

/// Priorities that are being served, of either group: one bit each (§4.4.13, §4.4.14).
inline constexpr std::uint32_t kActivePriorities = 0x0D0;
inline constexpr std::uint32_t kActivePrioritiesEnd = 0x0F0;

/// 1020 and above: nothing is pending (1023), or not for this world (1022).
inline constexpr unsigned kFirstSpecial = 1020;
inline constexpr unsigned kFirstShared = 32;
inline constexpr unsigned kSoftwareInterrupts = 16;
/// GIC-400 implements the upper five bits of a priority: all of ours are the same.
inline constexpr std::uint32_t kOnePriority = 0xA0A0'A0A0;
inline constexpr std::uint32_t kMaskNothing = 0xF8;
inline constexpr std::uint32_t kMostUrgent = 0;
/// Interrupts served in one call. A line that nobody quiets must not keep the processor in here for
/// ever: what is still pending comes again at once, and is counted as another interrupt.
inline constexpr unsigned kServedMax = 16;
inline constexpr std::uint32_t kCore0 = 0x0101'0101;

/// `Context` is what handlers get as their proof of being in an interrupt: IrqContext.
template <Io I, typename Context, unsigned Lines>
class Gic {
    static_assert(Lines % 32 == 0 && Lines <= kFirstSpecial + 4);

public:
    using Handler = void (*)(Context& irq, void* argument);

private:
    struct Entry {
        Handler handler{nullptr};
        void* argument{nullptr};
    };
    I distributor_;
    I cpu_;
    unsigned lines_{0};
    unsigned fast_{kFirstSpecial};
    unsigned latest_{0};
    std::uint32_t unexpected_{0};
    std::array<Entry, Lines> entries_{};
    std::array<std::uint32_t, Lines> counts_{};

    static constexpr std::uint32_t bit(unsigned id) { return 1U << (id % 32); }
    static constexpr std::uint32_t word(unsigned id) { return id / 32 * 4; }
    void disable(unsigned id) { distributor_.write(kClearEnable + word(id), bit(id)); }

public:
    constexpr Gic(I distributor, I cpu) : distributor_(distributor), cpu_(cpu) {}

    /// Everything off and forgotten, whatever ran before us; then the controller on.
    void init() {
        distributor_.write(DistributorControl::offset, 0);
        const unsigned present = 32 * (Type::Lines::in(distributor_.read(Type::offset)) + 1);
        lines_ = present < Lines ? present : Lines;
        for (unsigned id = 0; id < lines_; id += 32) {
            distributor_.write(kClearEnable + word(id), ~0U);
            distributor_.write(kClearPending + word(id), ~0U);
            distributor_.write(kClearActive + word(id), ~0U);
            distributor_.write(kGroup + word(id), 0);
        }
        for (unsigned id = 0; id < lines_; id += 4)
            distributor_.write(kPriority + id, kOnePriority);
        for (unsigned id = kFirstShared; id < lines_; id += 4) {
            distributor_.write(kTargets + id, kCore0);
        }
        for (unsigned id = kFirstShared; id < lines_; id += 16) {
            distributor_.write(kConfig + id / 4, 0);  // every line of the H3 is level-high
        }
        distributor_.write(DistributorControl::offset, DistributorControl::EnableGroup0::of(1) |
                                                           DistributorControl::EnableGroup1::of(1));
        // A reset in the middle of a handler can leave its priority behind: nothing as urgent would
        // ever come again.
        for (std::uint32_t at = kActivePriorities; at < kActivePrioritiesEnd; at += 4) {
            cpu_.write(at, 0);
        }
        cpu_.write(PriorityMask::offset, kMaskNothing);
        cpu_.write(BinaryPoint::offset, 7);  // no priority interrupts another
        cpu_.write(CpuControl::offset,
                   CpuControl::EnableGroup0::of(1) | CpuControl::EnableGroup1::of(1));
    }

    /// Calls `handler(irq, argument)` for each interrupt `id` from now on. One handler an id.
    void attach(unsigned id, Handler handler, void* argument) {
        CHECK(id < lines_ && handler != nullptr && entries_[id].handler == nullptr);
        entries_[id] = {handler, argument};
        distributor_.write(kSetEnable + word(id), bit(id));
    }
    void detach(unsigned id) {
        CHECK(id < lines_);
        disable(id);
        entries_[id] = {};
    }

    /// Interrupt `id` is enabled and arrives as FIQ from now on, everything else as IRQ.
    void make_fast(unsigned id) {
        CHECK(id < lines_ && entries_[id].handler == nullptr);
        for (unsigned n = 0; n < lines_; n += 32) {
            distributor_.write(kGroup + word(n), word(n) == word(id) ? ~bit(id) : ~0U);
        }
        const std::uint32_t shift = 8 * (id % 4);
        distributor_.write(kPriority + id / 4 * 4,
                           (kOnePriority & ~(0xFFU << shift)) | (kMostUrgent << shift));
        cpu_.write(BinaryPoint::offset, 0);  // the one other priority interrupts
        cpu_.write(CpuControl::offset,
                   CpuControl::EnableGroup0::of(1) | CpuControl::EnableGroup1::of(1) |
                       CpuControl::AckGroup1::of(1) | CpuControl::Group0IsFiq::of(1));
        fast_ = id;
        distributor_.write(kSetEnable + word(id), bit(id));
    }
    /// The FIQ: `quiet()` takes the device's line down, between acknowledgement and end. Quieted
    /// first, somebody else's interrupt would be acknowledged here, and lost if it was an edge.
    template <typename Quiet>
    void serve_fast(Quiet&& quiet) {
        const std::uint32_t token = cpu_.read(Acknowledge::offset);
        quiet();
        if (Acknowledge::Id::in(token) < kFirstSpecial) cpu_.write(EndOfInterrupt::offset, token);
    }

    /// Software interrupt `id` (0 to 15) on this core.
    void raise(unsigned id) {
        CHECK(id < kSoftwareInterrupts);
        distributor_.write(SoftwareInterrupt::offset,
                           SoftwareInterrupt::Target::of(SoftwareInterrupt::kThisCore) |
                               SoftwareInterrupt::ToGroup1::of(fast_ < kFirstSpecial ? 1 : 0) |
                               SoftwareInterrupt::Id::of(id));
    }

    /// Serves what is pending, until nothing is or kServedMax are.
    void dispatch(Context& irq) {
        for (unsigned served = 0; served < kServedMax; ++served) {
            const std::uint32_t token = cpu_.read(Acknowledge::offset);
            const unsigned id = Acknowledge::Id::in(token);
            if (id >= kFirstSpecial) return;
            if (id < lines_) ++counts_[id];
            if (id == fast_) {
                // Pending between the vector and here: its FIQ is about to come, or has been.
                cpu_.write(EndOfInterrupt::offset, token);
                continue;
            }
            latest_ = id;
            if (id < lines_ && entries_[id].handler != nullptr) {
                entries_[id].handler(irq, entries_[id].argument);
            } else {
                // Nobody can quiet it at its source: off, or it would come for ever.
                ++unexpected_;
                if (id < lines_) disable(id);
            }
            cpu_.write(EndOfInterrupt::offset, token);
        }
    }

    /// Interrupts of number `id` since boot; 0 for one that does not exist.
    [[nodiscard]] std::uint32_t count(unsigned id) const { return id < Lines ? counts_[id] : 0; }
    /// The interrupt that was served last, and the function that serves it; nullptr: nobody.
    [[nodiscard]] unsigned latest() const { return latest_; }
    [[nodiscard]] Handler handler_of(unsigned id) const {
        return id < lines_ ? entries_[id].handler : nullptr;
    }
    /// Interrupts that nobody was attached to.
    [[nodiscard]] std::uint32_t unexpected() const { return unexpected_; }
};

}  // namespace kyu::gic
