// The small test servers: doney, echo, discard, daytime, chargen, blab, pirate.
//
// Context   one call per connection, on a thread of its own; no state is shared but doney's count.
// Time      a client that says nothing, or takes nothing, for two minutes is given up, and its
//           worker is free for the next.
// Source    RFC 862 echo, 863 discard, 864 chargen, 867 daytime; doney, blab and pirate are the
//           original Kyu's.
#pragma once

#include <atomic>
#include <cstdint>

#include "kernel/context.hpp"
#include "net/socket/api.hpp"

namespace kyu::classic {

/// What a sink has been sent since boot, over all connections.
using ByteCount = std::atomic<std::uint64_t>;

/// Takes everything; closes when the client has closed. Ports 9 (discard) and 115 (doney). `state`
/// is a ByteCount or nullptr.
void serve_sink(void* state, ThreadContext& self, net::TcpSocket& client);
/// Sends back what comes. Ports 7 and 113.
void serve_echo(void* state, ThreadContext& self, net::TcpSocket& client);
/// Lines of 72 printable characters, each begun one further, until the client goes. Port 19.
void serve_chargen(void* state, ThreadContext& self, net::TcpSocket& client);
/// One line with the time since boot: the board has no calendar. Port 13.
void serve_daytime(void* state, ThreadContext& self, net::TcpSocket& client);
/// 25 lines, one a second. Port 112.
void serve_blab(void* state, ThreadContext& self, net::TcpSocket& client);
/// "Dead men tell no tales". Port 111.
void serve_pirate(void* state, ThreadContext& self, net::TcpSocket& client);

}  // namespace kyu::classic
