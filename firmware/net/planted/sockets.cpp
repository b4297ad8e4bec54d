// The planted bugs of the sockets' memory: the list that is cut, the wait that keeps.
//
// Lock      the network lock.
#include <utility>

#include "net/net.hpp"
#include "net/planted/planted.hpp"
#include "net/socket/socket.hpp"

namespace kyu::net::planted {

void plant(LockedNet& net, PlantedBug bug) {
    static_cast<PlantedBug&>(net.bug) = bug;
    static_cast<PlantedBug&>(net.tcp.sockets.bug) = bug;
}

// ---- freelist-lost -------------------------------------------------------------------------
//
// An IntrusiveList's links are its own: nobody else can clear them, and a link that is not linked
// is found by the next CHECK. This keeps bare pointers, as C does: first the block is linked, then
// it is zeroed, the link with it. Whatever stood behind it in the list is lost.

void give_back_and_zero(SocketFreeList& list, Socket& socket) {
    Socket*& next = list.next[socket.id().index];
    next = std::exchange(list.head, &socket);
    next = nullptr;  // memset(socket, 0, sizeof *socket)
}

Socket* take_back(SocketFreeList& list) {
    if (list.head == nullptr) return nullptr;
    return std::exchange(list.head, list.next[list.head->id().index]);
}

// ---- timewait-pool -------------------------------------------------------------------------
//
// A connection's end frees its socket in one place (connection.cpp) and leaves a TimeWaitRecord,
// of which there are many. Here the socket stays as well: it counts as owned, by nobody.

void keep_for_time_wait(LockedNet& net, Socket& socket) {
    State& state = net.bug;
    if (!socket.orphan() || state.kept_count == state.kept.size()) return;
    socket.owned = true;
    const std::size_t last = (state.first_kept + state.kept_count) % state.kept.size();
    state.kept[last] = {&socket, net.now() + kTimeWait};
    ++state.kept_count;
}

void release_kept(LockedNet& net) {
    State& state = net.bug;
    while (state.kept_count > 0) {
        const State::Kept& oldest = state.kept[state.first_kept];
        if (net.now() < oldest.until) return;
        oldest.socket->owned = false;
        net.tcp.sockets.release_if_unused(*oldest.socket);
        state.first_kept = (state.first_kept + 1) % state.kept.size();
        --state.kept_count;
    }
}

}  // namespace kyu::net::planted
