// The planted bugs of the lock: walked round, kept too long, given up too early.
//
// Lock      that is the question.
#include <algorithm>

#include "kernel/port.hpp"
#include "net/net.hpp"
#include "net/planted/planted.hpp"
#include "net/socket/calls.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net::planted {

PlantedBug GuardDoor::behind(const Net& net) { return net.locked_.bug; }

void GuardDoor::release(NetGuard& guard) KYU_NO_ANALYSIS {
    guard.release_duties();
    guard.net_.mutex_.unlock(guard.self_);
}

void GuardDoor::take(NetGuard& guard) KYU_NO_ANALYSIS {
    guard.net_.mutex_.lock(guard.self_);
    guard.entry_duties();
}

// ---- unlocked-sendbuf ----------------------------------------------------------------------
//
// A LockedNet& is only lent by a guard, and ci/rejects shows that no one else can make one. A C
// port has a global instead. Here the reference is carried out of the guard that lent it, which no
// compiler refuses and no reviewer would let pass.

namespace {

LockedNet& without_its_lock(Net& net, ThreadContext& self) {
    NetGuard guard{net, self};
    return *guard;
}

/// What fits now. Nothing at all when the socket can take no more for good.
std::size_t fill(LockedNet& net, Socket& so, std::span<const std::byte> data, SendMode mode) {
    if (so.send.space() < std::min<std::size_t>(data.size(), so.send.low_water())) return 0;
    if (mode == SendMode::refer) return so.send.append_static(net.pool, data);
    return so.send.append_copy(net.pool, data, so.pcb->mss);
}

}  // namespace

SendOutcome send_without_lock(Net& net, ThreadContext& self, SocketId id,
                              std::span<const std::byte> data, SendMode mode, Instant deadline) {
    LockedNet& locked = without_its_lock(net, self);
    for (std::size_t sent = 0;;) {
        Socket* so = locked.tcp.sockets.find(id);
        if (so == nullptr || so->pcb == nullptr) return {sent, SocketError::closed};
        const std::size_t count = fill(locked, *so, data.subspan(sent), mode);
        sent += count;
        tcp_usr_send(locked, *so, sent < data.size());
        // From here on it is the lock's way again: what was queued goes out with its release.
        NetGuard guard{net, self};
        if (sent == data.size()) return {sent, ok};
        so = locked.tcp.sockets.find(id);
        if (so == nullptr || so->send.space() >= so->send.low_water()) continue;
        if (!guard.wait(so->writable, deadline)) return {sent, SocketError::timed_out};
    }
}

void may_be_interrupted(const LockedNet& net) {
    if (net.bug.is(MissionBug::unlocked_sendbuf)) port::scheduling_point();
}

// ---- close-deadlock ------------------------------------------------------------------------
//
// WaitPoints are waited for through the guard, which releases the lock. This waits for a semaphore
// behind the guard's back, and whoever would post it cannot get in.

void wait_for_disconnect(NetGuard& guard, SocketId id) {
    constexpr Duration kLookAgain = Duration::from_ms(10);
    for (;;) {
        const Socket* so = guard->tcp.sockets.find(id);
        if (so == nullptr || so->pcb == nullptr || so->send.size() == 0) return;
        ThreadContext& self = guard.self();
        guard->bug.disconnected.wait(self, self.now() + kLookAgain);
    }
}

// ---- lost-wakeup ---------------------------------------------------------------------------
//
// NetGuard::wait() marks and releases in one step, so no wake-up can fall between. With the guard's
// destructor and constructor between test and mark, one can: everything queued may be acknowledged
// meanwhile, and an empty buffer wakes nobody again. The original knew no deadline either, and held
// no partial segment back for a call that is under way (the persist timer would mend it all later).

void sbwait(NetGuard& guard, Socket& so) {
    tcp_usr_send(*guard, so, false);
    GuardDoor::release(guard);
    GuardDoor::take(guard);
    static_cast<void>(guard.wait(so.writable, Instant::never()));
}

}  // namespace kyu::net::planted
