// What the shell shows of TCP.
//
// Lock      the network lock.
#pragma once

#include "base/text.hpp"

namespace kyu::net {

class LockedNet;

/// Listeners and connections, one a line: local, remote, state, queues, windows, timers.
void print_tcp_connections(TextSink& sink, LockedNet& net);
/// Counters that are not zero, and pools.
void print_tcp_counters(TextSink& sink, LockedNet& net);
/// Both.
void print_tcp(TextSink& sink, LockedNet& net);

}  // namespace kyu::net
