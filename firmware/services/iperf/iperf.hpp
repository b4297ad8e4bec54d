// An iperf2-compatible TCP server: `iperf -c BOARD` measures both ways.
//
// Context   one call per connection, on a thread of its own.
// Time      a client that says nothing and takes nothing for two minutes is given up, whatever it
//           has asked for.
// Source    what iperf 2.1 sends, as seen on the wire: a header of big-endian words at the front of
//           the stream, of which iperf_request() reads what it needs. Whatever is no header is
//           data, and is counted like the rest.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/net.hpp"
#include "net/socket/api.hpp"

namespace kyu {

inline constexpr std::uint16_t kIperfPort = 5001;

/// What a client asks of the server beside taking what it is sent.
struct IperfRequest {
    enum class Reply : std::uint8_t {
        none,        ///< -c alone
        connection,  ///< --reverse, --full-duplex: on the client's own connection
        now,         ///< -d: on a connection back to the client's `port`
        afterwards   ///< -r: the same, when the client has finished
    };
    static constexpr std::size_t kHeaderBytes = 36;  ///< of it that are read

    Reply reply{Reply::none};
    std::uint16_t port{kIperfPort};
    std::uint64_t bytes{UINT64_MAX};  ///< how much to send back (-n),
    Duration time{};                  ///< or how long (-t); 0: no limit of time
};

/// `front`: the first bytes of a connection, kHeaderBytes of them unless it ended before.
[[nodiscard]] IperfRequest iperf_request(std::span<const std::byte> front);

/// The server's state: the stack to connect back by, and what it has moved since boot.
struct IperfServer {
    net::Net& net;
    std::atomic<std::uint64_t> bytes_in{0};
    std::atomic<std::uint64_t> bytes_out{0};

    explicit IperfServer(net::Net& net_in) : net(net_in) {}
};

/// `state` is an IperfServer.
void serve_iperf(void* state, ThreadContext& self, net::TcpSocket& client);

}  // namespace kyu
