// TcpServer: one port, one acceptor thread, a fixed set of workers.
//
// Context   start() once, from a thread. Every connection is served on a worker of its own.
// Ownership the server owns its threads; a worker owns the connection it serves and closes it.
// Limits    connections beyond the workers wait in the listen queue, and beyond that in their SYNs.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/semaphore.hpp"
#include "kernel/thread.hpp"
#include "net/socket/api.hpp"

namespace kyu {

/// Services run below the stack and the shell, above idle; equals share the processor by slices.
inline constexpr Priority kServicePriority{20};

/// What a server does with a connection. The worker closes it afterwards.
struct Protocol {
    const char* name;  ///< short: workers are called NAME-0, NAME-1, ...
    std::uint16_t port;
    void (*serve)(void* state, ThreadContext& self, net::TcpSocket& client);
    void* state;
};

/// One thread that waits for a connection, serves it, and waits again.
class ServerWorker {
    friend class TcpServerBase;
    std::array<char, 16> name_{};
    const Protocol* protocol_{nullptr};
    Semaphore* idle_{nullptr};
    Semaphore go_{"connection", 0};
    std::atomic<bool> busy_{false};
    net::TcpSocket client_;
    Thread thread_;

    static void entry(ThreadContext& self, void* worker);
    void start(ThreadContext& self, const Protocol& protocol, std::size_t index, Semaphore& idle);

public:
    explicit ServerWorker(std::span<std::byte> stack)
        : thread_(name_.data(), kServicePriority, stack, entry, this) {}
    // Only a simulated board is ever destroyed, switched off and in the middle of its work.
    ~ServerWorker() { client_.forget(); }
};

class TcpServerBase {
    net::Net& net_;
    Protocol protocol_;
    Semaphore idle_;
    ThreadStack<8192> acceptor_stack_;
    Thread acceptor_;
    net::TcpSocket listener_;

    static void accept_entry(ThreadContext& self, void* server);
    void hand_over(ThreadContext& self, net::TcpSocket client);

protected:
    TcpServerBase(net::Net& net, const Protocol& protocol, std::size_t workers);
    ~TcpServerBase() { listener_.forget(); }
    virtual ServerWorker& worker(std::size_t index) = 0;
    [[nodiscard]] virtual std::size_t workers() const = 0;

public:
    TcpServerBase(const TcpServerBase&) = delete;
    TcpServerBase& operator=(const TcpServerBase&) = delete;

    /// Listens and starts the threads. The error says why the port could not be had.
    Status<net::SocketError> start(ThreadContext& self);
    [[nodiscard]] const Protocol& protocol() const { return protocol_; }
    /// Connections that can be served at once, and those that are.
    [[nodiscard]] std::size_t places() const { return workers(); }
    [[nodiscard]] std::size_t busy() const { return workers() - idle_.count(); }
};

template <std::size_t Workers, std::size_t StackBytes = 16384>
class TcpServer final : public TcpServerBase {
    struct Slot {
        ThreadStack<StackBytes> stack;
        ServerWorker worker{stack.span()};
    };
    std::array<Slot, Workers> slots_;

    ServerWorker& worker(std::size_t index) override { return slots_[index].worker; }
    [[nodiscard]] std::size_t workers() const override { return Workers; }

public:
    TcpServer(net::Net& net, const Protocol& protocol) : TcpServerBase(net, protocol, Workers) {}
};

}  // namespace kyu
