// Emac: the Ethernet interface of the Allwinner H3, as a Link of the stack.
//
// Source    h3.md §0, §3, §4, §7, §9: one sequence that suits the board and QEMU.
// Context   threads with the network lock held, except acknowledge() and on_irq(): interrupts.
// Ownership frames given to transmit() are kept until the device is done with them.
// Wake-ups  a receive interrupt masks its kind and tells the owner once; receive_done() unmasks
//           when nothing waits any more. Whoever is told must call receive() until it is empty and
//           receive_done() until it says false, or reception stays silent.
// Time      start() takes up to kResetPatience; poll_link() about 0.1 ms; nothing else waits.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "base/endian.hpp"
#include "base/mission_bug.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "drivers/emac/descriptor.hpp"
#include "drivers/emac/dma.hpp"
#include "drivers/emac/phy.hpp"
#include "drivers/emac/regs.hpp"
#include "drivers/emac/ring.hpp"
#include "kernel/context.hpp"
#include "net/link.hpp"

namespace kyu::emac {

inline constexpr std::size_t kTxSlots = 256;
inline constexpr std::size_t kRxSlots = 256;

/// The manual allows 100 ms; it needs the PHY's clock, so it fails while the PHY has none.
inline constexpr Duration kResetPatience = Duration::from_ms(100);
/// The receive DMA finishes the frame it is in before it stops: 1,518 bytes at 10 Mbit/s.
inline constexpr Duration kStopPatience = Duration::from_ms(2);
inline constexpr Duration kLinkPollUp = Duration::from_s(1);
inline constexpr Duration kLinkPollDown = Duration::from_ms(100);
/// A frame that stays in the ring so long will never go out.
inline constexpr Duration kTransmitPatience = Duration::from_s(3);

enum class StartError : std::uint8_t {
    reset_timeout,  ///< the MAC does not leave reset: is its clock on, is the PHY powered?
    no_memory       ///< the pool has fewer clusters than the ring has slots
};

struct Config {
    net::MacAddress mac{};
    std::uint8_t phy_address{1};
    [[no_unique_address]] PlantedBug bug{};  ///< nothing without KYU_DEFECTS
};

/// Whom the interrupt handler tells that there is work.
struct Notify {
    void (*call)(IrqContext& irq, void* argument){nullptr};
    void* argument{nullptr};
};

/// What only the driver counts; LinkStats holds the rest.
struct Counters {
    std::uint32_t interrupts{};
    std::uint32_t transmit_kicks{};
    std::uint32_t receive_kicks{};
    std::uint32_t receive_overflows{};  ///< interrupts that told of a full FIFO
    std::uint32_t receive_stop_timeouts{};
    std::uint32_t transmit_faults{};     ///< interrupts: underflow, timeout, DMA stopped
    std::uint32_t transmit_copied{};     ///< frames in too many pieces
    std::uint32_t transmit_link_down{};  ///< frames dropped for want of a link
    std::uint32_t link_changes{};
    std::uint32_t restarts{};  ///< the device was wedged and started anew
};

/// The address that U-Boot or QEMU has left in the device; nothing when there is none. Call it
/// before start().
template <Io I>
[[nodiscard]] std::optional<net::MacAddress> preset_mac(I& io) {
    const std::uint32_t high = io.read(MacHigh::offset);
    const std::uint32_t low = io.read(MacLow::offset);
    const auto byte = [](std::uint32_t value) { return static_cast<std::uint8_t>(value); };
    const net::MacAddress mac{{byte(MacLow::Byte0::in(low)), byte(MacLow::Byte1::in(low)),
                               byte(MacLow::Byte2::in(low)), byte(MacLow::Byte3::in(low)),
                               byte(MacHigh::Byte4::in(high)), byte(MacHigh::Byte5::in(high))}};
    if (mac == net::MacAddress{} || mac.is_group()) return std::nullopt;
    return mac;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t TxSlots = kTxSlots,
          std::size_t RxSlots = kRxSlots>
class Emac final : public net::Link {
public:
    using Area = DmaArea<TxSlots, RxSlots>;

    /// `area` is memory that the processor does not cache.
    Emac(I io, D dma, C clock, Area& area, Config config, Notify notify)
        : io_(io), dma_(dma), clock_(clock), area_(area), config_(config), notify_(notify) {}
    Emac(const Emac&) = delete;
    Emac& operator=(const Emac&) = delete;

    /// Brings the device up; the clocks and resets of the board are on. The link may take seconds:
    /// poll_link() follows it.
    [[nodiscard]] kyu::Status<StartError> start(net::MbufPool& pool);
    /// Call it every 0.1 to 1 s: follows the link, frees sent frames that nobody asked about,
    /// restarts a wedged transmitter. True: the link went up or down.
    bool poll_link();
    Instant poll(Instant now) override {
        static_cast<void>(poll_link());
        return now + (phy_.up() && tx_.in_use() == 0 ? kLinkPollUp : kLinkPollDown);
    }

    /// The interrupt handler: acknowledges, remembers, tells the owner.
    void on_irq(IrqContext& irq) {
        if (acknowledge() != 0 && notify_.call != nullptr) notify_.call(irq, notify_.argument);
    }
    /// The part of on_irq() that touches the device. Returns what it acknowledged.
    std::uint32_t acknowledge();

    [[nodiscard]] net::MacAddress mac() const override { return config_.mac; }
    [[nodiscard]] std::uint16_t mtu() const override { return kMtuBytes; }
    [[nodiscard]] bool up() const override { return phy_.up(); }
    [[nodiscard]] bool transmit_checksums() const override { return true; }
    bool transmit(net::Mbuf&& frame) override;
    [[nodiscard]] std::size_t transmit_room() override;
    void receive_groups(bool wanted) override;
    void flush() override;
    [[nodiscard]] net::Mbuf receive(net::MbufPool& pool) override;
    [[nodiscard]] std::span<const std::byte> peek() override;
    void discard() override;
    bool receive_done() override;
    [[nodiscard]] const net::LinkStats& stats() const override { return stats_; }

    [[nodiscard]] Counters counters() const {
        Counters c = counters_;
        c.interrupts = interrupts_.load(std::memory_order_relaxed);
        return c;
    }
    [[nodiscard]] LinkMode link_mode() const { return phy_.mode(); }

private:
    static constexpr std::uint32_t kTxMode =
        TxCtl1::StoreAndForward::mask | TxCtl1::NextFrame::mask;
    static constexpr std::uint32_t kTxKick = TxCtl1::Start::mask | TxCtl1::Enable::mask | kTxMode;
    static constexpr std::uint32_t kRxMode = RxCtl1::StoreAndForward::mask;
    static constexpr std::uint32_t kRxKick = RxCtl1::Start::mask | RxCtl1::Enable::mask | kRxMode;
    /// Frames up to this size are copied into a segment, so that an ACK pins 256 bytes, not 2 KiB,
    /// and gets through while every cluster is taken.
    static constexpr std::size_t kCopyBytes = net::Segment::kInside - net::kHeaderRoom;

    I io_;
    D dma_;
    C clock_;
    Area& area_;
    Config config_;
    Notify notify_;
    Phy<I, C> phy_{io_, clock_, config_.phy_address};
    RxRing<D, RxSlots> rx_{dma_, area_.rx};
    TxRing<D, TxSlots> tx_{dma_, area_.tx};

    std::atomic<std::uint32_t> events_{0};  // what interrupts have told and nobody has read
    std::atomic<std::uint32_t> interrupts_{0};
    std::atomic<bool> receive_masked_{false};
    bool transmit_wanted_{false};   // somebody was refused: interrupt when there is room
    bool transmit_pending_{false};  // frames in the ring that the device was not told of
    bool resynchronise_wanted_{false};
    bool groups_wanted_{false};    // multicast frames are let in
    Received shown_{};             // by peek()
    bool rearmed_{false};          // slots since the last receive_done()
    Instant transmit_progress_{};  // when the ring was last seen empty or moving
    Instant next_poll_{};
    net::LinkStats stats_{};
    Counters counters_{};

    [[nodiscard]] bool bring_up();
    void restart();
    void write_mac();
    void apply_link_mode();
    void enable_interrupts();
    [[nodiscard, gnu::always_inline]] inline net::Mbuf take_frame(net::MbufPool& pool,
                                                                  std::span<const std::byte> bytes);
    void resynchronise();
    void kick_receiver();
    [[nodiscard]] bool stop_receiver();
    [[nodiscard]] static bool in_one_piece(net::Mbuf& frame);
    void reclaim();
    [[nodiscard]] static bool is_ipv4(const net::Mbuf& frame);
    void read_events();
    void poll_receive_status();
};

}  // namespace kyu::emac

#include "drivers/emac/emac_impl.hpp"  // IWYU pragma: keep
