// UdpSocket: datagrams for threads.
//
// Context   threads only (ThreadContext&). Each call takes the network lock itself; while it waits
//           the lock is free, and after waking the port is looked up again by its id.
// Ownership a UdpSocket owns one port. Close it before it dies (~UdpSocket CHECKs).
// Time      deadlines are Instants; Instant::never() waits for ever, a past deadline never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/udp.hpp"

namespace kyu::net {

class Net;

/// A datagram that has been read: its sender, and how long it was. Longer than the reader's room
/// means that the rest is lost.
struct UdpReceived {
    Endpoint from{};
    std::size_t bytes{};
};

class UdpSocket {
    Net* net_{nullptr};
    UdpId id_{};
    UdpSocket(Net& net, UdpId id) : net_(&net), id_(id) {}

public:
    UdpSocket() = default;
    UdpSocket(UdpSocket&& other) noexcept;
    UdpSocket& operator=(UdpSocket&& other) noexcept;
    UdpSocket(const UdpSocket&) = delete;
    UdpSocket& operator=(const UdpSocket&) = delete;
    ~UdpSocket();

    /// Binds `port`, or a free one when it is 0.
    static Result<UdpSocket, UdpError> open(Net& net, ThreadContext& self, std::uint16_t port);
    /// From now on only datagrams from `to` are received, send() goes there, and ICMP errors from
    /// there come back as errors of the next call. Port 0 ends it. What waited is dropped.
    Status<UdpError> connect(ThreadContext& self, const Endpoint& to);
    /// Whether send_to() may name a broadcast address; not from the start.
    void allow_broadcast(ThreadContext& self, bool allowed);
    /// Receives what is sent to the multicast `group` from now on, until leave() or close().
    Status<UdpError> join(ThreadContext& self, Ipv4 group);
    Status<UdpError> leave(ThreadContext& self, Ipv4 group);
    /// To whom it is connected.
    Status<UdpError> send(ThreadContext& self, std::span<const std::byte> data);
    /// Sends one datagram of at most kUdpPayloadMax bytes. Never waits; UDP promises nothing.
    Status<UdpError> send_to(ThreadContext& self, const Endpoint& to,
                             std::span<const std::byte> data);
    /// Waits for a datagram, or for the error of an earlier one, and copies as much of it as fits.
    /// One thread reads a socket.
    Result<UdpReceived, UdpError> receive(ThreadContext& self, std::span<std::byte> into,
                                          Instant deadline);
    void close(ThreadContext& self);

    [[nodiscard]] bool is_open() const { return static_cast<bool>(id_); }
    /// The port it is bound to; 0 when it is closed.
    [[nodiscard]] std::uint16_t port(ThreadContext& self) const;
};

}  // namespace kyu::net
