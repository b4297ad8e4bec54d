// Sockets: system calls on descriptors, in terms of the stack's own calls.
//
// Context   Board::call(): with the network lock held. Nothing here waits; what would have to says
//           so (Outcome::wait), and the caller tries again once something has happened.
// Rules     A descriptor's stack socket begins with listen() or connect(), as the stack has none
//           that does nothing. A number is a real descriptor of the process (of /dev/null), so that
//           packetdrill may close what a script has left open.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "net/net.hpp"
#include "net/socket/api.hpp"
#include "net/socket/options.hpp"
#include "port/packetdrill/settings.hpp"

namespace kyu::packetdrill {

/// What a system call comes to.
struct Outcome {
    long value{0};
    int error{0};      ///< an errno, when value is -1
    bool wait{false};  ///< it would have to wait
    static Outcome of(long value) { return {.value = value}; }
    static Outcome fail(int error) { return {.value = -1, .error = error}; }
    static Outcome must_wait() { return {.value = -1, .error = EAGAIN, .wait = true}; }
};

enum class Role : std::uint8_t { fresh, listener, connection };

struct Descriptor {
    Role role{Role::fresh};
    net::SocketId id{};
    net::SocketOptions options{};
    std::uint16_t port{0};
    bool reads_whole{true};  ///< buffers are the system's default: FreeBSD rounds those
    bool nonblocking{false};
    bool connecting{false};  ///< connect() has not been told the end yet
    bool error_told{false};
    bool sends{true};
    Instant give_up_at{Instant::never()};  ///< of connect()
    bool gave_up{false};
};

class Sockets {
    std::map<int, Descriptor> open_;
    net::Ipv4 address_;

public:
    explicit Sockets(net::Ipv4 address) : address_(address) {}

    [[nodiscard]] Descriptor* find(int fd) {
        const auto it = open_.find(fd);
        return it == open_.end() ? nullptr : &it->second;
    }
    [[nodiscard]] const std::map<int, Descriptor>& all() const { return open_; }

    Outcome open(int domain, int type, int protocol, const Settings& settings);
    Outcome bind(Descriptor& d, const sockaddr* address, socklen_t bytes);
    Outcome listen(net::NetGuard& guard, Descriptor& d, int backlog, const Settings& settings);
    Outcome accept(net::NetGuard& guard, Descriptor& d, sockaddr* address, socklen_t* bytes);
    Outcome connect(net::NetGuard& guard, Descriptor& d, const sockaddr* address, socklen_t bytes,
                    Duration patience);
    /// Has connect() succeeded?
    Outcome connected(net::NetGuard& guard, Descriptor& d);
    /// `done`: bytes of it that an earlier try has sent.
    Outcome send(net::NetGuard& guard, Descriptor& d, std::span<const std::byte> data,
                 std::size_t& done);
    Outcome receive(net::NetGuard& guard, Descriptor& d, std::span<std::byte> into, int flags);
    Outcome shut_down(net::NetGuard& guard, Descriptor& d, int how);
    Outcome close(net::NetGuard& guard, int fd);
    Outcome get_option(net::NetGuard& guard, Descriptor& d, int level, int name,
                       std::span<std::byte> value, socklen_t* bytes, const Settings& settings);
    Outcome set_option(net::NetGuard& guard, Descriptor& d, int level, int name, int value,
                       std::span<const std::byte> all);
    Outcome queued(net::NetGuard& guard, Descriptor& d, unsigned long request, int* value);
    short poll(net::NetGuard& guard, const Descriptor& d, short wanted);
    /// When the first connect() gives up; never() when none will.
    [[nodiscard]] Instant next_give_up() const;
    /// Ends what has been connecting for too long.
    void give_up(net::NetGuard& guard);
    /// SO_ERROR: why the connection ended; told once.
    int take_error(net::NetGuard& guard, Descriptor& d);
};

/// What the stack's error is called among system calls.
[[nodiscard]] int errno_of(net::SocketError error);

/// tcp_info of Linux, as much of it as `into` holds.
void fill_tcp_info(net::NetGuard& guard, const Descriptor& d, std::span<std::byte> into);

/// The connections there are, one a line, in the words of FreeBSD's sockstat.
[[nodiscard]] std::string tell_states(const net::LockedNet& net, const Sockets& sockets);

}  // namespace kyu::packetdrill
