// The bodies of the planted bugs that live in the stack (base/mission_bug.hpp).
//
// Why       Most of them cannot be written in this stack's types, and that is the point of the
//           types. To plant them this folder goes round: it carries a LockedNet& out of the guard
//           that lent it, lets a union forget an Mbuf, reaches into NetGuard as a friend, keeps
//           links in an array of its own. Each file says which door it had to break.
// Rules     Nothing here is defined without KYU_DEFECTS, and nothing calls it but hooks inside
//           `if constexpr (kMissionBugs)`.
// Lock      as each function's arguments say, except that send_without_lock() lies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mission_bug.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"
#include "kernel/semaphore.hpp"
#include "net/packet/mbuf.hpp"
#include "net/socket/api.hpp"
#include "net/tcp/config.hpp"

namespace kyu::net {

class Checksum;
class LockedNet;
class Net;
class NetGuard;
class Socket;
enum class SendMode : std::uint8_t;

namespace planted {

#if defined(KYU_DEFECTS)

/// What the planted bugs of one stack remember.
struct State : PlantedBug {
    struct Kept {
        Socket* socket;
        Instant until;
    };
    std::array<Kept, kSocketsMax> kept{};  ///< timewait-pool: a ring, the oldest first
    std::size_t first_kept{0};
    std::size_t kept_count{0};
    Semaphore disconnected{"disconnect", 0};  ///< close-deadlock
};

/// freelist-lost: a list as a C port would have it.
struct SocketFreeList : PlantedBug {
    std::array<Socket*, kSocketsMax> next{};
    Socket* head{nullptr};
};

#else

using State = PlantedBug;
using SocketFreeList = PlantedBug;

#endif

/// The stack has `bug` from now on.
void plant(LockedNet& net, PlantedBug bug);

/// The lock without the guard.
struct GuardDoor {
    static PlantedBug behind(const Net& net);
    static void release(NetGuard& guard);
    static void take(NetGuard& guard);
};

/// unlocked-sendbuf: sosend as the story first had it.
SendOutcome send_without_lock(Net& net, ThreadContext& self, SocketId id,
                              std::span<const std::byte> data, SendMode mode, Instant deadline);
/// unlocked-sendbuf: a place where an interrupt would come sooner or later.
void may_be_interrupted(const LockedNet& net);

/// close-deadlock: waits, with the lock, until everything is acknowledged.
void wait_for_disconnect(NetGuard& guard, SocketId id);

/// lost-wakeup: waits for room in the send buffer; an ACK a moment too early wakes nobody.
void sbwait(NetGuard& guard, Socket& so);

/// freelist-lost.
void give_back_and_zero(SocketFreeList& list, Socket& socket);
/// The last that was given back; nullptr when the list has lost it or there was none.
[[nodiscard]] Socket* take_back(SocketFreeList& list);

/// timewait-pool: `socket` stays in use as long as its connection's TIME_WAIT.
void keep_for_time_wait(LockedNet& net, Socket& socket);
void release_kept(LockedNet& net);

/// icmp-leak.
void forget(Mbuf message);

/// odd-checksum.
void add_padded(Checksum& sum, const Mbuf& chain);

}  // namespace planted
}  // namespace kyu::net
