// Socket, SocketTable: what a thread holds of a connection or a listener.
//
// Rules     A socket is named by its SocketId. When its user gives it up the generation moves on,
//           so every thread that still sleeps in a call finds nothing when it wakes. The object
//           itself is never destroyed: its wait points outlive every sleeper, and a place is used
//           again only when user, connection block and accept queue have all let go of it.
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "base/intrusive_list.hpp"
#include "base/pool.hpp"
#include "base/watched_array.hpp"
#include "net/ip_address.hpp"
#include "net/planted/planted.hpp"
#include "net/socket/api.hpp"
#include "net/socket/options.hpp"
#include "net/socket/sockbuf.hpp"
#include "net/tcp/config.hpp"
#include "net/wait_point.hpp"

namespace kyu::net {

struct Tcpcb;
struct AcceptTag;
struct SocketListTag;

class Socket : public ListLink<AcceptTag>, public ListLink<SocketListTag> {
    friend class SocketTable;
    SocketId id_{};
    bool lent_{false};

public:
    Tcpcb* pcb{nullptr};         ///< nullptr: listener, or the connection is over
    bool owned{false};           ///< a thread holds the id
    std::uint16_t user{0};       ///< id of the thread that called last
    bool no_more_input{false};   ///< the peer's FIN, or the end of the connection
    bool no_more_output{false};  ///< shut down here, or the end of the connection
    bool failed{false};          ///< `error` says why the connection ended
    SocketError error{};
    SocketOptions options{};
    SockBuf send{kSockBufBytes, kSockBufMemory};
    SockBuf receive{kSockBufBytes, kSockBufMemory};
    WaitPoint readable{"recv"};  ///< data, end of data, error, or a connection to accept
    WaitPoint writable{"send"};  ///< room, connected, or an error
    Endpoint remote{};

    // Listeners.
    bool listening{false};
    std::uint16_t port{0};
    unsigned backlog{0};
    unsigned queued{0};
    IntrusiveList<Socket, AcceptTag> accept_queue;
    Socket* listener{nullptr};  ///< whose accept queue this socket is in

    Socket() = default;
    [[nodiscard]] SocketId id() const { return id_; }
    [[nodiscard]] bool lent() const { return lent_; }
    /// No thread holds it and none will accept it: what comes in is of use to nobody.
    [[nodiscard]] bool orphan() const { return !owned && listener == nullptr; }
    void fail(SocketError why) {
        if (!failed) error = why;
        failed = true;
    }
};

class SocketTable {
    WatchedArray<Socket, kSocketsMax> sockets_{"sockets"};
    IntrusiveList<Socket, SocketListTag> free_;
    IntrusiveList<Socket, SocketListTag> listeners_;
    PoolStats stats_{};

public:
    SocketTable();
    ~SocketTable();
    SocketTable(const SocketTable&) = delete;
    SocketTable& operator=(const SocketTable&) = delete;

    /// A fresh socket that nobody holds yet; nullptr when all are in use.
    [[nodiscard]] Socket* allocate();
    /// The place that `id` was of, whoever has it now; nullptr when there is no such place.
    [[nodiscard]] Socket* place(SocketId id) {
        return id && id.index < sockets_.size() ? &sockets_[id.index] : nullptr;
    }
    /// The socket at a place; nullptr when the place is free. index < kSocketsMax.
    [[nodiscard]] Socket* at(std::size_t index) {
        return sockets_[index].lent_ ? &sockets_[index] : nullptr;
    }
    /// The socket that `id` names, or nullptr when it was given up.
    [[nodiscard]] Socket* find(SocketId id);
    /// Its user gives it up: the id is dead from here on.
    void disown(Socket& socket);
    /// Takes the place back if nothing holds it any more.
    void release_if_unused(Socket& socket);

    void start_listening(Socket& socket, std::uint16_t port, unsigned backlog);
    void stop_listening(Socket& socket);
    [[nodiscard]] Socket* find_listener(std::uint16_t port);

    [[no_unique_address]] planted::SocketFreeList bug;  ///< nothing without KYU_DEFECTS

    [[nodiscard]] const PoolStats& stats() const { return stats_; }
    [[nodiscard]] const PoolGuard* guard() const { return sockets_.guard(); }
    /// Sockets with a thread asleep in send() while their send buffer is empty. For a moment it may
    /// be on its way out; for longer, its wake-up was lost.
    [[nodiscard]] unsigned senders_asleep_on_empty() const;
    /// Calls f(Socket&) for every socket in use.
    template <typename F>
    void for_each(F&& f) {
        for (std::size_t i = 0; i < kSocketsMax; ++i) {
            if (sockets_[i].lent()) f(sockets_[i]);
        }
    }
};

}  // namespace kyu::net
