// Emac: the bodies. Included by emac.hpp only; its rules hold here.
#pragma once

#include "drivers/emac/emac.hpp"

namespace kyu::emac {

// ---- Start and link ------------------------------------------------------------------------

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
kyu::Status<StartError> Emac<I, D, C, T, R>::start(net::MbufPool& pool) {
    if (!rx_.fill(pool)) return StartError::no_memory;
    if (!bring_up()) return StartError::reset_timeout;
    return ok;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
bool Emac<I, D, C, T, R>::bring_up() {
    io_.write(BasicCtl1::offset, BasicCtl1::SoftReset::of(1));
    const Instant deadline = clock_.now() + kResetPatience;
    while (BasicCtl1::SoftReset::in(io_.read(BasicCtl1::offset)) != 0) {
        if (clock_.now() > deadline) return false;
    }
    // QEMU leaves the interrupt line as it was until one of these is written (h3.md §7).
    io_.write(IntSta::offset, Interrupt::kAll);
    io_.write(IntEn::offset, 0);
    write_mac();
    io_.write(TxCtl1::offset, kTxMode);
    io_.write(RxCtl1::offset, kRxMode);
    io_.write(BasicCtl1::offset, BasicCtl1::BurstLength::of(8));

    area_.padding = Padding{};
    tx_.clear();
    rx_.arm_all();
    io_.write(TxDescList::offset, tx_.first_address());
    io_.write(RxDescList::offset, rx_.first_address());
    events_ = 0;
    receive_masked_ = false;
    transmit_wanted_ = transmit_pending_ = resynchronise_wanted_ = false;
    rearmed_ = false;
    shown_ = {};

    phy_.start();
    // Enough steps for a PHY that answers at once, as QEMU's does; a cable needs seconds.
    static_cast<void>(phy_.poll() || phy_.poll());
    apply_link_mode();
    transmit_progress_ = next_poll_ = clock_.now();

    receive_groups(groups_wanted_);
    io_.write(HashHigh::offset, 0);
    io_.write(HashLow::offset, 0);
    io_.write(RxCtl1::offset, kRxKick);
    io_.write(TxCtl1::offset, TxCtl1::Enable::mask | kTxMode);
    io_.write(TxCtl0::offset, TxCtl0::Enable::of(1));
    io_.write(RxCtl0::offset, RxCtl0::Enable::of(1));
    // A frame that came before the receiver was enabled stalls QEMU's backend for good, unless the
    // kick comes after the enable.
    io_.write(RxCtl1::offset, kRxKick);
    enable_interrupts();
    return true;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::restart() {
    ++counters_.restarts;
    ++stats_.tx_errors;
    transmit_progress_ = clock_.now();
    // When the reset times out the rings stay as they are, and it is tried again after a while.
    static_cast<void>(bring_up());
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::write_mac() {
    const auto& b = config_.mac.bytes;
    io_.write(MacHigh::offset, MacHigh::Byte5::of(b[5]) | MacHigh::Byte4::of(b[4]));
    io_.write(MacLow::offset, MacLow::Byte3::of(b[3]) | MacLow::Byte2::of(b[2]) |
                                  MacLow::Byte1::of(b[1]) | MacLow::Byte0::of(b[0]));
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::apply_link_mode() {
    const LinkMode mode = phy_.mode();
    io_.write(BasicCtl0::offset,
              BasicCtl0::Speed::of(mode.fast ? BasicCtl0::kSpeed100 : BasicCtl0::kSpeed10) |
                  BasicCtl0::FullDuplex::of(mode.full_duplex));
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
bool Emac<I, D, C, T, R>::poll_link() {
    reclaim();
    const Instant now = clock_.now();
    if (tx_.in_use() != 0 && phy_.up() && now - transmit_progress_ > kTransmitPatience) restart();
    if (now < next_poll_) return false;
    const bool changed = phy_.poll();
    if (changed) {
        ++counters_.link_changes;
        if (phy_.up()) apply_link_mode();
        transmit_progress_ = now;
    }
    next_poll_ = now + (phy_.up() ? kLinkPollUp : kLinkPollDown);
    return changed;
}

// ---- Interrupts ----------------------------------------------------------------------------

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::enable_interrupts() {
    // An interrupt between reading the flag and writing the register can only leave receive
    // interrupts on although they are marked masked: one wake-up too many, never one too few.
    std::uint32_t enable = Interrupt::kTransmitFaults;
    if (!receive_masked_.load(std::memory_order_relaxed)) enable |= Interrupt::kReceive;
    if (transmit_wanted_) enable |= Interrupt::TxDone::mask;
    io_.write(IntEn::offset, enable);
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
std::uint32_t Emac<I, D, C, T, R>::acknowledge() {
    const std::uint32_t status = io_.read(IntSta::offset);
    if (status == 0) return 0;
    io_.write(IntSta::offset, status);
    interrupts_.fetch_add(1, std::memory_order_relaxed);
    events_.fetch_or(status, std::memory_order_relaxed);
    if ((status & Interrupt::kReceive) != 0) {
        receive_masked_.store(true, std::memory_order_relaxed);
        enable_interrupts();
    }
    return status;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::read_events() {
    const std::uint32_t events = events_.exchange(0, std::memory_order_relaxed);
    if ((events & Interrupt::kReceiveStalled) != 0) resynchronise_wanted_ = true;
    if ((events & Interrupt::RxOverflow::mask) != 0) ++counters_.receive_overflows;
    if ((events & Interrupt::kTransmitFaults) != 0) {
        ++counters_.transmit_faults;
        if (tx_.in_use() != 0) transmit_pending_ = true;  // the next flush() starts it again
    }
}

// ---- Receiving -----------------------------------------------------------------------------

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
net::Mbuf Emac<I, D, C, T, R>::receive(net::MbufPool& pool) {
    // Bounded: a flood of bad frames must not keep the caller here.
    for (std::size_t n = 0; n < R && rx_.frame_waiting(); ++n) {
        rearmed_ = true;
        const bool shown = shown_.good();
        const Received received =
            shown ? std::exchange(shown_, Received{}) : rx_.take_from_device();
        if (!received.good()) {
            ++stats_.rx_errors;
            rx_.reuse();
            continue;
        }
        const std::size_t bytes = received.bytes.size();
        net::Mbuf frame = take_frame(pool, received.bytes);
        if (!frame) {
            ++stats_.rx_no_buffer;
            if (shown) break;
            continue;
        }
        ++stats_.rx_frames;
        stats_.rx_bytes += bytes;
        return frame;
    }
    return {};
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
std::span<const std::byte> Emac<I, D, C, T, R>::peek() {
    static_assert(kRxBufferBytes >= kPeekBytes);
    if (!shown_.good() && rx_.frame_waiting()) shown_ = rx_.take_from_device();
    return shown_.bytes;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::discard() {
    ++stats_.rx_frames;
    stats_.rx_bytes += std::exchange(shown_, Received{}).bytes.size();
    rearmed_ = true;
    rx_.reuse();
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
net::Mbuf Emac<I, D, C, T, R>::take_frame(net::MbufPool& pool, std::span<const std::byte> bytes) {
    net::Mbuf frame;
    if (bytes.size() <= kCopyBytes) {
        // The reserve too: the ACK that gives memory back must not be dropped for want of it.
        frame = pool.allocate(bytes.size(), net::Reserve::use);
        if (frame) std::memcpy(frame.writable_front().data(), bytes.data(), bytes.size());
        rx_.reuse();
        return frame;
    }
    net::Mbuf fresh = pool.allocate_cluster();
    if (!fresh) {
        rx_.reuse();
        return frame;
    }
    return rx_.replace(std::move(fresh), bytes.size());
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
bool Emac<I, D, C, T, R>::receive_done() {
    // While interrupts are masked nobody else looks: a stall must be seen before the kick, or QEMU
    // goes on at the wrong slot.
    const bool masked = receive_masked_.load(std::memory_order_relaxed);
    if (masked) poll_receive_status();
    read_events();
    if constexpr (kMissionBugs) {
        if (config_.bug.is(MissionBug::deaf_receiver)) resynchronise_wanted_ = rearmed_ = false;
    }
    if (resynchronise_wanted_) {
        resynchronise();
    } else if (rearmed_) {
        // Without it QEMU stays deaf once it has run out of slots (h3.md §0 fact 3).
        kick_receiver();
    }
    rearmed_ = false;
    if (rx_.frame_waiting()) return true;
    if (masked) {
        // A frame that came after poll_receive_status() has left its mark and interrupts now.
        receive_masked_.store(false, std::memory_order_relaxed);
        enable_interrupts();
    }
    return false;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::poll_receive_status() {
    const std::uint32_t status = io_.read(IntSta::offset) & Interrupt::kReceive;
    if (status == 0) return;
    io_.write(IntSta::offset, status);
    events_.fetch_or(status, std::memory_order_relaxed);
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
bool Emac<I, D, C, T, R>::stop_receiver() {
    io_.write(RxCtl1::offset, kRxMode);
    if (RxDmaSta::State::in(io_.read(RxDmaSta::offset)) == RxDmaSta::kStopped) return true;
    const Instant deadline = clock_.now() + kStopPatience;
    while (RxDmaSta::State::in(io_.read(RxDmaSta::offset)) != RxDmaSta::kStopped) {
        if (clock_.now() > deadline) {
            ++counters_.receive_stop_timeouts;
            return false;
        }
    }
    return true;
}

// The device ran out of slots. QEMU then goes on at the head of its list instead of at the slot
// where it stopped (h3.md §0 fact 4): make the slot that we read next the head. Only a slot that
// the device owns may become the head, so frames that wait are read first.
template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::resynchronise() {
    if (rx_.frame_waiting()) return;
    const bool stopped = stop_receiver();
    if (!rx_.frame_waiting()) {
        // A device that does not stop keeps its place by itself.
        if (stopped) io_.write(RxDescList::offset, rx_.next_address());
        resynchronise_wanted_ = false;
        ++stats_.rx_exhausted;
    }
    kick_receiver();
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::kick_receiver() {
    ++counters_.receive_kicks;
    dma_.before_device();  // the slots that were armed since the last kick
    io_.write(RxCtl1::offset, kRxKick);
}

// ---- Sending -------------------------------------------------------------------------------

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
bool Emac<I, D, C, T, R>::is_ipv4(const net::Mbuf& frame) {
    constexpr std::size_t kType = 12;
    std::array<std::byte, 2> type{};
    const std::span<const std::byte> front = frame.front();
    if (front.size() >= kType + type.size()) {
        std::memcpy(type.data(), front.data() + kType, type.size());
    } else {
        frame.copy_out(kType, type);
    }
    return type[0] == std::byte{0x08} && type[1] == std::byte{0x00};
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
bool Emac<I, D, C, T, R>::in_one_piece(net::Mbuf& frame) {
    net::Mbuf copy = frame.head()->pool->allocate_cluster(net::Reserve::use);
    if (!copy) return false;
    copy.trim_back(copy.size() - frame.size());
    frame.copy_out(0, copy.writable_front());
    frame = std::move(copy);
    return true;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
bool Emac<I, D, C, T, R>::transmit(net::Mbuf&& frame) {
    const std::uint32_t size = frame.size();
    if (size < kEthernetHeaderBytes || size > kMaxFrameBytes) {
        ++stats_.tx_errors;
        return false;
    }
    if (!phy_.up()) {
        // Without the PHY's clock the ring would only fill up.
        ++counters_.transmit_link_down;
        ++stats_.tx_errors;
        return false;
    }
    // Silicon pads short frames, QEMU does not: padding here makes captures the same.
    const std::size_t pad = size < kMinFrameBytes ? kMinFrameBytes - size : 0;
    std::size_t pieces = pieces_of(frame);
    if (pieces >= kTxPiecesMax) {
        if (!in_one_piece(frame)) {
            ++stats_.tx_errors;
            return false;
        }
        ++counters_.transmit_copied;
        pieces = 1;
    }
    const std::size_t slots = pieces + (pad != 0 ? 1 : 0);
    if (tx_.free() < slots) flush();
    if (tx_.free() < slots) {
        ++stats_.tx_ring_full;
        if (!std::exchange(transmit_wanted_, true)) enable_interrupts();
        return false;
    }
    const std::uint32_t checksum =
        is_ipv4(frame) ? TxControl::kChecksumFull : TxControl::kChecksumNone;
    if (tx_.in_use() == 0) transmit_progress_ = clock_.now();
    tx_.give_to_device(std::move(frame), pieces, std::span(area_.padding.bytes).first(pad),
                       checksum);
    transmit_pending_ = true;
    ++stats_.tx_frames;
    stats_.tx_bytes += size;
    return true;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
std::size_t Emac<I, D, C, T, R>::transmit_room() {
    // A header, what it is about, and where a cut went through that.
    constexpr std::size_t kPiecesOfAFragment = 3;
    if (tx_.free() < T / 2) flush();
    return tx_.free() / kPiecesOfAFragment;
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::receive_groups(bool wanted) {
    groups_wanted_ = wanted;
    io_.write(FrameFilter::offset,
              FrameFilter::kOwnAndBroadcast | FrameFilter::AllMulticast::of(wanted ? 1U : 0U));
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::flush() {
    if (transmit_pending_) {
        transmit_pending_ = false;
        ++counters_.transmit_kicks;
        dma_.before_device();
        io_.write(TxCtl1::offset, kTxKick);  // QEMU sends before this returns
    }
    if (tx_.in_use() != 0) reclaim();
}

template <Io I, DmaMemory D, ClockSource C, std::size_t T, std::size_t R>
void Emac<I, D, C, T, R>::reclaim() {
    const Sent sent = tx_.take_from_device();
    stats_.tx_errors += sent.errors;
    if (sent.frames != 0) transmit_progress_ = clock_.now();
    if (transmit_wanted_ && tx_.free() >= T / 4) {
        transmit_wanted_ = false;
        enable_interrupts();
    }
}

}  // namespace kyu::emac
