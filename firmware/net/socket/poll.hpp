// sopoll: waits for any of several sockets (poll(2)).
//
// Context   threads that hold the guard.
// Rules     Who polls is counted at the wait points of its sockets, and sleeps at
//           LockedNet::polled. The guard that wakes a counted point wakes `polled` too, under the
//           same lock under which the sockets were looked at: no wake-up falls between look and
//           sleep. Wait points are never destroyed, so a socket may end while it is polled.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "net/net.hpp"
#include "net/socket/api.hpp"

namespace kyu::net {

/// One socket of a poll, and what was found.
struct PollEntry {
    SocketId id{};
    PollEvents wanted{};
    PollEvents seen{};
};

/// How many entries have something to tell; at most kPollMax of them. 0 never comes without
/// SocketError::timed_out.
Result<unsigned, SocketError> sopoll(NetGuard& guard, std::span<PollEntry> entries,
                                     Instant deadline);
/// What holds for this socket now. An id that is dead has an error.
[[nodiscard]] PollEvents events_of(LockedNet& net, SocketId id);

}  // namespace kyu::net
