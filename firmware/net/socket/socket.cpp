// SocketTable.
//
// Lock      the network lock.
#include "net/socket/socket.hpp"

#include "base/caller.hpp"
#include "base/check.hpp"
#include "net/tcp/tcpcb.hpp"

namespace kyu::net {

namespace {

void next_generation(SocketId& id) {
    if (++id.generation == 0) id.generation = 1;  // 0 means "no socket"
}

}  // namespace

SocketTable::SocketTable() {
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
        sockets_[i].id_ = SocketId{static_cast<std::uint16_t>(i), 1};
        free_.push_back(sockets_[i]);
    }
    stats_.total = kSocketsMax;
}

SocketTable::~SocketTable() {
    // Only a test takes a whole stack down, at any moment: lists are emptied, nothing is told.
    while (free_.pop_front() != nullptr) {
    }
    while (listeners_.pop_front() != nullptr) {
    }
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
        while (sockets_[i].accept_queue.pop_front() != nullptr) {
        }
    }
}

Socket* SocketTable::allocate() {
    Socket* s = nullptr;
    if constexpr (kMissionBugs) s = planted::take_back(bug);
    if (s == nullptr) s = free_.pop_front();
    if (s == nullptr) {
        ++stats_.failed;
        return nullptr;
    }
    if (++stats_.used > stats_.high) stats_.high = stats_.used;
    sockets_.taken(s->id_.index, KYU_CALLER());
    s->lent_ = true;
    s->user = 0;
    s->owned = s->no_more_input = s->no_more_output = s->failed = s->listening = false;
    s->remote = {};
    s->options = {};
    s->send.set_limit(kSendBytes);
    s->receive.set_limit(kReceiveBytes);
    s->port = 0;
    s->backlog = s->queued = 0;
    return s;
}

Socket* SocketTable::find(SocketId id) {
    if (!id || id.index >= sockets_.size()) return nullptr;
    Socket& s = sockets_[id.index];
    return s.lent_ && s.owned && s.id_ == id ? &s : nullptr;
}

void SocketTable::disown(Socket& socket) {
    CHECK(socket.owned);
    socket.owned = false;
    next_generation(socket.id_);
}

void SocketTable::release_if_unused(Socket& socket) {
    if (socket.owned || socket.pcb != nullptr || socket.listener != nullptr) return;
    CHECK(socket.lent_ && !socket.listening && socket.accept_queue.empty());
    socket.send.clear();
    socket.receive.clear();
    socket.lent_ = false;
    sockets_.given_back(socket.id_.index, KYU_CALLER());
    next_generation(socket.id_);
    --stats_.used;
    if constexpr (kMissionBugs) {
        if (bug.is(MissionBug::freelist_lost)) return planted::give_back_and_zero(bug, socket);
    }
    // To the back: a place rests as long as possible before it serves another connection.
    free_.push_back(socket);
}

unsigned SocketTable::senders_asleep_on_empty() const {
    unsigned count = 0;
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
        const Socket& s = sockets_[i];
        const bool connecting = s.pcb != nullptr && s.pcb->syn_unacked();
        if (s.lent() && s.send.size() == 0 && s.writable.has_waiters() && !connecting) ++count;
    }
    return count;
}

void SocketTable::start_listening(Socket& socket, std::uint16_t port, unsigned backlog) {
    socket.listening = true;
    socket.port = port;
    socket.backlog = backlog;
    listeners_.push_back(socket);
}

void SocketTable::stop_listening(Socket& socket) {
    CHECK(socket.listening);
    socket.listening = false;
    listeners_.remove(socket);
}

Socket* SocketTable::find_listener(std::uint16_t port) {
    for (Socket& s : listeners_) {
        if (s.port == port) return &s;
    }
    return nullptr;
}

}  // namespace kyu::net
