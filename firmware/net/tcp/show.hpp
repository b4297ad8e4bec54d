// What the shell shows of TCP.
//
// Lock      the network lock.
#pragma once

#include <span>

#include "base/result.hpp"
#include "base/text.hpp"
#include "kernel/inspect.hpp"
#include "net/ip_address.hpp"
#include "net/socket/api.hpp"

namespace kyu::net {

class LockedNet;

/// Listeners and connections, one a line: local, remote, state, queues, windows, timers.
void print_tcp_connections(TextSink& sink, LockedNet& net);
/// Counters that are not zero, and pools.
void print_tcp_counters(TextSink& sink, LockedNet& net);
/// Both.
void print_tcp(TextSink& sink, LockedNet& net);
/// Every socket: number, state, queues, ends, and the thread that called last.
void print_sockstat(TextSink& sink, LockedNet& net, std::span<const ThreadSample> threads);
/// The segments of the frame ring: of all connections, or of one.
void print_tcptrace(TextSink& sink, LockedNet& net, const FourTuple* only);
/// The connection of the socket of that number.
Result<FourTuple, SocketError> connection_of(LockedNet& net, std::uint32_t socket);

}  // namespace kyu::net
