// Board: the hosted stack, alone with packetdrill.
//
// Context   one host thread at a time (the adapter's lock). Between calls the board stands still.
// Time      virtual. It moves in run_until() only, so what happens at one instant costs none.
// Rules     The neighbour answers every ARP request at once: packetdrill speaks IP and knows no
//           Ethernet. Packets are IP packets without a link header, in both directions.
// Ownership owns everything of the board.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kernel/semaphore.hpp"
#include "kernel/thread.hpp"
#include "net/net.hpp"
#include "port/host/machine.hpp"
#include "port/packetdrill/packet_link.hpp"

namespace kyu::packetdrill {

struct BoardConfig {
    net::Ipv4 address{192, 168, 0, 2};
    std::uint8_t prefix_bits{16};
    net::Ipv4 gateway{192, 168, 0, 1};
    std::uint64_t seed{1};
    std::uint16_t mtu{1500};
};

/// A packet that has left the stack.
struct Sent {
    Instant at{};
    std::vector<std::byte> bytes{};
};

class Board {
public:
    using Operation = std::function<void(net::NetGuard&)>;

    explicit Board(const BoardConfig& config);
    ~Board();
    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;

    [[nodiscard]] Instant now() const { return machine_.now(); }
    [[nodiscard]] Instant next_event() const { return machine_.next_event(); }
    /// Does everything that is due until `when`.
    void run_until(Instant when);
    /// `operation` runs as a thread of the firmware, under the network lock, now. It must not wait.
    void call(const Operation& operation);
    /// A packet for the stack.
    void receive(std::span<const std::byte> packet);
    /// What has left the stack and was not taken yet, oldest first.
    [[nodiscard]] std::deque<Sent>& sent() { return sent_; }
    [[nodiscard]] const net::LockedNet& look() const;

private:
    struct Memory {
        net::MbufMemory<4096, 1024> packets;
    };

    BoardConfig config_;
    std::unique_ptr<Memory> memory_;
    net::MbufPool pool_;
    PacketLink link_;
    net::Net net_;
    ThreadStack<16384> net_stack_;
    ThreadStack<65536> caller_stack_;
    Semaphore wanted_{"packetdrill", 0};
    Thread net_thread_;
    Thread caller_thread_;
    const Operation* operation_{nullptr};
    std::deque<Sent> sent_;
    // After everything that its threads use.
    host::Machine machine_;

    static Board& me(void* argument) { return *static_cast<Board*>(argument); }
    void serve(ThreadContext& self);
    void left(std::span<const std::byte> frame);
    void arrive(std::vector<std::byte> frame);
    void stop_if_crashed() const;
};

}  // namespace kyu::packetdrill
