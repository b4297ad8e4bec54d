// SimLink: a network interface of a simulated board.
//
// Context   the stack's side with the network lock held, on a fibre; arrive() from the driver.
// Rules     A receive ring of kSlots. Frames that find it full wait behind it, as QEMU's do, up to
//           kWaitingMax; the receiver then stands still until receive_done() starts it again.
// Ownership keeps the bytes of frames that have arrived until the stack takes them.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/mission_bug.hpp"
#include "net/link.hpp"

namespace kyu::host {

class SimLink final : public net::Link {
public:
    static constexpr std::size_t kSlots = 64;
    static constexpr std::size_t kWaitingMax = 1024;
    using Send = std::function<void(std::span<const std::byte> frame)>;

private:
    net::MacAddress mac_;
    Send send_;
    [[no_unique_address]] PlantedBug bug_;
    std::deque<std::vector<std::byte>> ring_;
    std::deque<std::vector<std::byte>> waiting_;
    std::vector<std::vector<std::byte>> spare_;
    std::vector<std::byte> outgoing_;
    std::array<std::byte, net::kClusterBytes> shown_;
    bool shown_now_{false};
    bool stopped_{false};
    bool up_{true};
    net::LinkStats stats_{};

    void refill();

public:
    SimLink(net::MacAddress mac, Send send, PlantedBug bug = {})
        : mac_(mac), send_(std::move(send)), bug_(bug) {}

    /// A frame from the wire. True: the stack must be told (an interrupt).
    bool arrive(std::span<const std::byte> frame);
    /// The cable is pulled, or put back.
    void set_up(bool up) { up_ = up; }

    [[nodiscard]] net::MacAddress mac() const override { return mac_; }
    [[nodiscard]] std::uint16_t mtu() const override { return 1500; }
    [[nodiscard]] bool up() const override { return up_; }
    [[nodiscard]] bool transmit_checksums() const override {
        if constexpr (kMissionBugs) return !bug_.is(MissionBug::odd_checksum);  // it sums itself
        return true;
    }
    bool transmit(net::Mbuf&& frame) override;
    void flush() override {}
    [[nodiscard]] net::Mbuf receive(net::MbufPool& pool) override;
    [[nodiscard]] std::span<const std::byte> peek() override;
    void discard() override;
    bool receive_done() override;
    [[nodiscard]] const net::LinkStats& stats() const override { return stats_; }
};

}  // namespace kyu::host
