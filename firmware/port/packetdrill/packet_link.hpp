// PacketLink: a link that carries packets of any length.
//
// Context   the stack's side with the network lock held, on a fibre; put() from the driver.
// Rules     What is sent is bounded by the MTU; what arrives is not, since scripts inject segments
//           that an interface with large-receive offload would have put together.
// Ownership keeps the bytes of frames that have arrived until the stack takes them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "net/link.hpp"

namespace kyu::packetdrill {

class PacketLink final : public net::Link {
public:
    using Send = std::function<void(std::span<const std::byte> frame)>;

private:
    net::MacAddress mac_;
    std::uint16_t mtu_;
    Send send_;
    std::deque<std::vector<std::byte>> arrived_;
    net::LinkStats stats_{};

public:
    PacketLink(net::MacAddress mac, std::uint16_t mtu, Send send)
        : mac_(mac), mtu_(mtu), send_(std::move(send)) {}

    /// A frame from the wire; the stack must be told.
    void put(std::vector<std::byte> frame) { arrived_.push_back(std::move(frame)); }

    [[nodiscard]] net::MacAddress mac() const override { return mac_; }
    [[nodiscard]] std::uint16_t mtu() const override { return mtu_; }
    [[nodiscard]] bool up() const override { return true; }
    [[nodiscard]] bool transmit_checksums() const override { return false; }
    bool transmit(net::Mbuf&& frame) override {
        std::vector<std::byte> bytes(frame.size());
        frame.copy_out(0, bytes);
        ++stats_.tx_frames;
        send_(bytes);
        return true;
    }
    void flush() override {}
    [[nodiscard]] net::Mbuf receive(net::MbufPool& pool) override {
        if (arrived_.empty()) return {};
        const std::vector<std::byte> bytes = std::move(arrived_.front());
        arrived_.pop_front();
        ++stats_.rx_frames;
        return pool.copy_in(bytes);
    }
    bool receive_done() override { return !arrived_.empty(); }
    [[nodiscard]] const net::LinkStats& stats() const override { return stats_; }
};

}  // namespace kyu::packetdrill
