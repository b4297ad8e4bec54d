// What the shell shows of the network.
//
// Lock      the network lock. Printing is slow: callers print into a buffer, not into a UART.
#pragma once

#include "base/text.hpp"

namespace kyu::net {

class LockedNet;

void print_interfaces(TextSink& sink, LockedNet& net);
/// Every counter that is not zero, and the pools.
void print_netstat(TextSink& sink, LockedNet& net);
/// Pools of packet memory, and what they are short of.
void print_mbufs(TextSink& sink, LockedNet& net);
void print_routes(TextSink& sink, LockedNet& net);
void print_arp(TextSink& sink, LockedNet& net);

}  // namespace kyu::net
