// Pinger: ICMP echo requests of threads, and their answers.
//
// Context   open() to close() from one thread. Each call takes the network lock itself.
// Ownership a slot of PingState owns the answers that wait, kPingQueue at most. Close a Pinger
//           before it dies (~Pinger CHECKs).
// Rules     an answer counts when it has the slot's random number and comes from who was asked.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/ip.hpp"
#include "net/packet/packet_queue.hpp"
#include "net/udp.hpp"
#include "net/wait_point.hpp"

namespace kyu::net {

class Net;

inline constexpr std::size_t kPingSlots = 4;
inline constexpr std::size_t kPingQueue = 4;
/// What one echo can carry over IPv4 without options.
inline constexpr std::size_t kPingBytesMax = 65507;

struct PingAnswer {
    std::uint16_t sequence{};
    std::uint8_t ttl{};
    std::uint32_t bytes{};  ///< of data
    bool intact{};          ///< the data are those that were sent
    Instant at{};
};

struct PingSlot {
    bool used{false};
    bool failed{false};  ///< an ICMP error quoted one of ours
    std::uint16_t id{};
    Ipv4 target{};
    PacketQueue<kPingQueue, PingAnswer> answers{};
    WaitPoint answered{"ping"};
};

struct PingState {
    std::array<PingSlot, kPingSlots> slots{};
};

/// A received echo reply, from its ICMP header on. False: nobody asked for it.
[[nodiscard]] bool ping_reply(LockedNet& net, const Mbuf& message, const IpInfo& ip);
/// An ICMP error that quotes an echo of ours to `target`.
void ping_icmp_error(LockedNet& net, Ipv4 target, std::span<const std::byte, 8> quoted);

class Pinger {
    Net* net_{nullptr};
    PingSlot* slot_{nullptr};

public:
    Pinger() = default;
    Pinger(const Pinger&) = delete;
    Pinger& operator=(const Pinger&) = delete;
    ~Pinger();

    /// False: all slots are taken.
    [[nodiscard]] bool open(Net& net, ThreadContext& self, Ipv4 target);
    /// Sends an echo request with `bytes` of data.
    Status<UdpError> send(ThreadContext& self, std::uint16_t sequence, std::size_t bytes);
    /// The next answer; `unreachable` when ICMP said so, `timed_out` at the deadline.
    Result<PingAnswer, UdpError> receive(ThreadContext& self, Instant deadline);
    void close(ThreadContext& self);
};

/// Asks the on-link host `target` for its MAC address; nothing when it does not answer in time.
Result<MacAddress, UdpError> arp_ping(Net& net, ThreadContext& self, Ipv4 target, Instant deadline);

}  // namespace kyu::net
