// sopoll.
//
// Lock      the network lock.
#include "net/socket/poll.hpp"

#include "net/tcp/tcpcb.hpp"

namespace kyu::net {

namespace {

/// Looks at every entry; returns how many have something.
unsigned look(LockedNet& net, std::span<PollEntry> entries) {
    unsigned found = 0;
    for (PollEntry& entry : entries) {
        const PollEvents now = events_of(net, entry.id);
        entry.seen = now & (entry.wanted | PollEvents::error);
        if (entry.seen != PollEvents::none) ++found;
    }
    return found;
}

/// Counts a poller in or out at every socket's wait points, whoever owns the sockets by now.
void count_poller(LockedNet& net, std::span<const PollEntry> entries, int step) {
    for (const PollEntry& entry : entries) {
        Socket* so = net.tcp.sockets.place(entry.id);
        if (so == nullptr) continue;
        so->readable.count_poller(step);
        so->writable.count_poller(step);
    }
}

}  // namespace

PollEvents events_of(LockedNet& net, SocketId id) {
    const Socket* so = net.tcp.sockets.find(id);
    if (so == nullptr) return PollEvents::error;
    if (so->listening) {
        return so->accept_queue.empty() ? PollEvents::none
                                        : PollEvents::accept | PollEvents::readable;
    }
    PollEvents events = PollEvents::none;
    if (so->failed) events = events | PollEvents::error;
    // Whatever a call would answer without waiting counts, also "no more" and "failed".
    if (so->receive.size() > 0 || so->no_more_input || so->failed) {
        events = events | PollEvents::readable;
    }
    const bool connecting = so->pcb != nullptr && so->pcb->syn_unacked();
    const bool room = so->send.space() >= so->send.low_water() && !connecting;
    if (room || so->no_more_output || so->failed) events = events | PollEvents::writable;
    return events;
}

Result<unsigned, SocketError> sopoll(NetGuard& guard, std::span<PollEntry> entries,
                                     Instant deadline) {
    if (entries.empty() || entries.size() > kPollMax) return SocketError::invalid;
    for (;;) {
        if (const unsigned found = look(*guard, entries); found > 0) return found;
        if (!(guard->now() < deadline)) return SocketError::timed_out;
        count_poller(*guard, entries, +1);
        (void)guard.wait(guard->polled, deadline);  // a last look comes first in any case
        count_poller(*guard, entries, -1);
    }
}

}  // namespace kyu::net
