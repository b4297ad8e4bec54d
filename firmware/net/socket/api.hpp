// Sockets for threads: TCP calls that may block.
//
// Context   threads only (ThreadContext&). Each call takes the network lock itself; while it waits
//           the lock is free, and after waking the socket is looked up again by its id.
// Ownership a TcpSocket owns one socket of the table. It must be closed or aborted before it dies
//           (~TcpSocket CHECKs), since closing may wait and a destructor must not.
// Time      deadlines are Instants; Instant::never() waits for ever, a past deadline never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/ip_address.hpp"

namespace kyu::net {

class Net;

/// Names a socket of the table; a generation makes an old id harmless.
struct SocketId {
    std::uint16_t index{};
    std::uint16_t generation{};  ///< 0: no socket
    explicit operator bool() const { return generation != 0; }
    friend bool operator==(const SocketId&, const SocketId&) = default;
};

enum class SocketError : std::uint8_t {
    timed_out,  ///< the deadline passed, or the peer stopped answering
    refused,    ///< connect: the peer answered with a reset
    reset,      ///< the connection was reset by the peer or by this host
    closed,     ///< the socket was closed, or its sending side was
    not_connected,
    in_use,  ///< the port is taken
    unreachable,
    no_memory,  ///< no socket, no connection block or no buffers
    invalid,    ///< the call makes no sense in this state
};
[[nodiscard]] const char* to_text(SocketError error);

/// What a send did: all of it, or how much and why no more.
struct [[nodiscard]] SendOutcome {
    std::size_t sent{};
    Status<SocketError> status{ok};
};

/// What poll() looks for, as a set.
enum class PollEvents : std::uint8_t {
    none = 0,
    readable = 1,  ///< recv() would answer at once: bytes, the end, or an error
    writable = 2,  ///< send() would take a good piece at once, or say why not; connected
    error = 4,     ///< the connection failed, or the socket is closed; always looked for
    accept = 8,    ///< a connection waits for accept(); such a listener is readable too
};
[[nodiscard]] constexpr PollEvents operator|(PollEvents a, PollEvents b) {
    return static_cast<PollEvents>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr PollEvents operator&(PollEvents a, PollEvents b) {
    return static_cast<PollEvents>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
[[nodiscard]] constexpr bool any(PollEvents events) { return events != PollEvents::none; }

/// Sockets of one poll: the work of a look under the lock is bounded by it.
inline constexpr std::size_t kPollMax = 64;

enum class Shutdown : std::uint8_t { receive, send, both };

class TcpSocket;
struct SocketOptions;

/// One socket of a poll, and what was found.
struct PollItem {
    const TcpSocket* socket{nullptr};
    PollEvents wanted{PollEvents::none};
    PollEvents seen{PollEvents::none};
};

/// A deadline that lies behind every now: try, do not wait (O_NONBLOCK). What would have to wait
/// says timed_out.
inline constexpr Instant kDoNotWait{};

class TcpSocket {
    Net* net_{nullptr};
    SocketId id_{};
    TcpSocket(Net& net, SocketId id) : net_(&net), id_(id) {}

public:
    TcpSocket() = default;
    TcpSocket(TcpSocket&& other) noexcept;
    TcpSocket& operator=(TcpSocket&& other) noexcept;
    TcpSocket(const TcpSocket&) = delete;
    TcpSocket& operator=(const TcpSocket&) = delete;
    ~TcpSocket();

    /// Waits for connections to `port` on every address of the host; at most `backlog` are queued.
    static Result<TcpSocket, SocketError> listen(Net& net, ThreadContext& self, std::uint16_t port,
                                                 unsigned backlog);
    static Result<TcpSocket, SocketError> connect(Net& net, ThreadContext& self,
                                                  const Endpoint& remote, Instant deadline);
    /// Sends the SYN and returns. The socket is `writable` when connected() has an answer.
    static Result<TcpSocket, SocketError> begin_connect(Net& net, ThreadContext& self,
                                                        const Endpoint& remote);
    /// Waits until it is connected: ok, or why it is not.
    Status<SocketError> connected(ThreadContext& self, Instant deadline);
    Result<TcpSocket, SocketError> accept(ThreadContext& self, Instant deadline);

    /// Queues all of `data`, waiting for room as often as needed. Returns before it is
    /// acknowledged. The deadline bounds the whole call.
    SendOutcome send(ThreadContext& self, std::span<const std::byte> data, Instant deadline);
    /// The same without copying, for data that never changes and never goes away.
    SendOutcome send_static(ThreadContext& self, std::span<const std::byte> data, Instant deadline);
    /// Waits for at least one byte. 0: the peer has sent everything it will send.
    Result<std::size_t, SocketError> recv(ThreadContext& self, std::span<std::byte> into,
                                          Instant deadline);
    /// The same, but throws away all that is there and says how much it was: nothing is copied.
    Result<std::size_t, SocketError> discard(ThreadContext& self, Instant deadline);
    /// `send`: FIN after what is queued; receiving goes on (RFC 1122 §4.2.2.13). `receive`: recv()
    /// finds the end; what the peer sends is acknowledged and thrown away.
    Status<SocketError> shutdown(ThreadContext& self, Shutdown which);
    Status<SocketError> shutdown_send(ThreadContext& self) {
        return shutdown(self, Shutdown::send);
    }
    Result<SocketOptions, SocketError> options(ThreadContext& self) const;
    Status<SocketError> set_options(ThreadContext& self, const SocketOptions& options);
    /// Gives the socket up; queued data and FIN are still delivered. Waits for the peer only when
    /// the option `linger` says so.
    void close(ThreadContext& self);
    /// Resets the connection at once.
    void abort(ThreadContext& self);
    /// The board is switched off, and its stack with it: there is nothing left to close.
    void forget() { id_ = {}; }

    [[nodiscard]] bool open() const { return static_cast<bool>(id_); }
    [[nodiscard]] SocketId id() const { return id_; }
    /// The peer; all zeros when not connected.
    [[nodiscard]] Endpoint remote(ThreadContext& self) const;
    /// This end; address 0.0.0.0 for a listener, all zeros when the connection is over.
    [[nodiscard]] Endpoint local(ThreadContext& self) const;
};

/// Waits until one of `items` has what is wanted of it; says how many have. All sockets are of
/// `net`. timed_out: none had, in time. invalid: no item, or more than kPollMax.
Result<unsigned, SocketError> poll(Net& net, ThreadContext& self, std::span<PollItem> items,
                                   Instant deadline);

}  // namespace kyu::net
