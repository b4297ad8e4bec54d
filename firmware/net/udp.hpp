// UDP (RFC 768, RFC 1122 §4.1): ports, their queues, and the input and output of datagrams.
//
// Lock      the network lock. Threads use UdpSocket (udp_socket.hpp), which takes it for them.
// Ownership a port owns the datagrams that wait for its reader, kUdpQueueMax at most.
// Rules     a port either queues for a thread or hands each datagram to a handler of the stack
//           itself (DHCP), which runs inside udp_input with the lock held.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.hpp"
#include "net/ip.hpp"
#include "net/ip_address.hpp"
#include "net/packet/packet_queue.hpp"
#include "net/wait_point.hpp"

namespace kyu::net {

class LockedNet;
enum class IcmpType : std::uint8_t;

inline constexpr std::size_t kUdpPorts = 16;
inline constexpr std::size_t kUdpQueueMax = 8;
inline constexpr std::size_t kUdpHeaderBytes = 8;
/// What one datagram can carry over IPv4 without options.
inline constexpr std::size_t kUdpPayloadMax = 65507;
/// Pool memory that waits at one port: one largest datagram in fragments of a cluster each, and
/// room beside it.
inline constexpr std::uint32_t kUdpQueueMemoryMax = 128 * 1024;
/// Groups one port may join.
inline constexpr std::size_t kUdpGroupsMax = 4;

/// A datagram that waits to be read: its payload, and who sent it to which of our addresses.
struct UdpDatagram {
    Mbuf payload{};
    Endpoint from{};
    Ipv4 to{};
};

using UdpHandler = void (*)(LockedNet& net, UdpDatagram datagram);

enum class UdpError : std::uint8_t {
    in_use,     ///< the port is taken
    no_memory,  ///< no free port block, or no buffers
    too_big,
    unreachable,
    refused,  ///< nobody listens there: ICMP said so
    denied,   ///< broadcasts were not allowed
    timed_out,
    closed
};
[[nodiscard]] const char* to_text(UdpError error);

/// Names a bound port; a generation makes an old id harmless.
struct UdpId {
    std::uint16_t index{};
    std::uint16_t generation{};  ///< 0: none
    explicit operator bool() const { return generation != 0; }
    friend bool operator==(const UdpId&, const UdpId&) = default;
};

struct UdpPort {
    std::uint16_t port{0};        ///< 0: this block is free
    std::uint16_t generation{0};  ///< of the present or the last use
    UdpHandler handler{nullptr};
    Endpoint remote{};       ///< connected to; any: to nobody
    Endpoint last_to{};      ///< where it sent last
    bool broadcasts{false};  ///< may send them
    bool failed{false};      ///< `error` is for the next caller
    UdpError error{};
    std::array<Ipv4, kUdpGroupsMax> groups{};  ///< that it has joined; any: none
    PacketQueue<kUdpQueueMax, UdpDatagram> queue{};
    WaitPoint readable{"udp recv"};

    [[nodiscard]] bool connected() const { return remote.port != 0; }
    [[nodiscard]] bool joined(Ipv4 group) const;
    /// Pool memory of what waits.
    [[nodiscard]] std::uint32_t memory() const;
};

class UdpTable {
    std::array<UdpPort, kUdpPorts> ports_{};

public:
    [[nodiscard]] UdpPort* find(std::uint16_t port);
    [[nodiscard]] UdpPort* get(UdpId id);
    /// Binds `port`, or a free one above 49151 when it is 0.
    [[nodiscard]] Result<UdpId, UdpError> bind(std::uint16_t port, UdpHandler handler,
                                               std::uint16_t random);
    /// Frees the port and what is queued. Threads that wait there must be woken by the caller.
    void unbind(UdpId id);
    [[nodiscard]] const std::array<UdpPort, kUdpPorts>& ports() const { return ports_; }
};

/// A received datagram. `packet` still begins with its IP header of `header_bytes`, since the error
/// that says "nobody listens" quotes it.
void udp_input(LockedNet& net, Mbuf&& packet, std::size_t header_bytes, const IpInfo& ip);

/// An ICMP error that quotes a datagram of ours: the socket that sent it is told when it is
/// connected to where that went, or sent there last.
void udp_icmp_error(LockedNet& net, IcmpType type, std::uint8_t code, const FourTuple& quoted);

/// Sends `payload` from `source_port`. Consumes it whatever happens.
[[nodiscard]] Status<SendError> udp_output(LockedNet& net, Ipv4 source, std::uint16_t source_port,
                                           const Endpoint& to, Mbuf&& payload);

}  // namespace kyu::net
