// Link: a network interface's hardware, as the stack sees it.
//
// Context   all calls from threads with the network lock held; the driver's interrupt handler only
//           acknowledges and posts to the net thread.
// Ownership a frame given to transmit() belongs to the link until the device is done with it.
// Rules     implemented by drivers/emac on the board and by port/host in the simulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.hpp"
#include "net/ip_address.hpp"
#include "net/packet/mbuf.hpp"

namespace kyu::net {

/// Counters of a link; every one is a row of `netstat`.
struct LinkStats {
    std::uint64_t rx_frames{};
    std::uint64_t rx_bytes{};
    std::uint64_t rx_errors{};     ///< bad descriptor or status: dropped
    std::uint64_t rx_no_buffer{};  ///< dropped because no fresh cluster could replace it
    std::uint64_t rx_exhausted{};  ///< the ring ran full and was resynchronised
    std::uint64_t tx_frames{};
    std::uint64_t tx_bytes{};
    std::uint64_t tx_ring_full{};  ///< frames refused
    std::uint64_t tx_errors{};
};

class Link {
public:
    [[nodiscard]] virtual MacAddress mac() const = 0;
    /// Largest IP packet, bytes (1500 on Ethernet).
    [[nodiscard]] virtual std::uint16_t mtu() const = 0;
    [[nodiscard]] virtual bool up() const = 0;
    /// The device fills in IPv4 header, TCP, UDP and ICMP checksums on transmit.
    [[nodiscard]] virtual bool transmit_checksums() const = 0;

    /// Queues a whole Ethernet frame. False: the ring is full, the frame is dropped and counted.
    /// It may wait for flush() to be handed to the device.
    virtual bool transmit(Mbuf&& frame) = 0;
    /// Frames that transmit() takes for sure: asked before a datagram is cut into fragments.
    [[nodiscard]] virtual std::size_t transmit_room() { return SIZE_MAX; }
    /// Whether frames to multicast addresses are to be received; not from the start.
    virtual void receive_groups(bool wanted) { static_cast<void>(wanted); }
    /// Hands everything queued to the device and takes back what it has sent. The network lock's
    /// release calls it, so a burst costs one doorbell.
    virtual void flush() = 0;
    /// The next received frame (without FCS), or an empty Mbuf when there is none. A slot whose
    /// cluster is handed out is refilled from `pool`; when the pool is empty the frame is dropped
    /// and its cluster stays in the ring.
    [[nodiscard]] virtual Mbuf receive(MbufPool& pool) = 0;
    /// The next received frame where it lies, for who may not need to take it: it stays until
    /// discard() drops it or receive() gives it, or nothing when there is no memory for it.
    /// kPeekBytes bytes may be read whatever its size is. Empty: none, or one that only receive()
    /// can show.
    [[nodiscard]] virtual std::span<const std::byte> peek() { return {}; }
    /// Drops what peek() has just shown, as received.
    virtual void discard() {}
    static constexpr std::size_t kPeekBytes = 128;
    /// Ends a batch of receive() calls: re-arms, restarts the device if it had run dry. True when
    /// frames are waiting again: poll once more.
    virtual bool receive_done() = 0;

    /// Looks at what has no interrupt (the PHY's link state). Returns when it wants to be asked
    /// again; the net thread does so.
    virtual Instant poll(Instant now) {
        static_cast<void>(now);
        return Instant::never();
    }

    [[nodiscard]] virtual const LinkStats& stats() const = 0;

protected:
    ~Link() = default;
};

}  // namespace kyu::net
