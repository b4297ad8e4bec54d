// sockstat: every socket for people.
//
// Lock      the network lock.
#include "net/tcp/show.hpp"
#include "net/net.hpp"

namespace kyu::net {

namespace {

const char* state_of(const Socket& so) {
    if (so.listening) return "LISTEN";
    if (so.pcb != nullptr) return to_text(so.pcb->state);
    return so.failed ? to_text(so.error) : "ended";
}

std::string_view user_of(const Socket& so, std::span<const ThreadSample> threads) {
    if (so.orphan()) return "nobody";
    for (const ThreadSample& each : threads) {
        if (each.id == so.user) return each.name;
    }
    return so.listener != nullptr ? "not accepted" : "?";
}

}  // namespace

void print_sockstat(TextSink& sink, LockedNet& net, std::span<const ThreadSample> threads) {
    print(sink,
          "sock state           in    out local                 remote                used by\n");
    net.tcp.sockets.for_each([&](Socket& so) {
        TextBuffer<24> local;
        TextBuffer<24> remote;
        if (so.listening) {
            print(local, "*:{}", so.port);
            print(remote, "{} of {} wait", so.queued, so.backlog);
        } else {
            if (so.pcb != nullptr) print_to(local, so.pcb->tuple.local);
            print_to(remote, so.remote);
        }
        print(sink, "{:>4} {:<12} {:>6} {:>6} {:<21} {:<21} {}\n", so.id().index, state_of(so),
              so.receive.size(), so.send.size(), local.view(), remote.view(), user_of(so, threads));
    });
}

Result<FourTuple, SocketError> connection_of(LockedNet& net, std::uint32_t socket) {
    if (socket >= kSocketsMax) return SocketError::invalid;
    const Socket* so = net.tcp.sockets.at(socket);
    if (so == nullptr) return SocketError::closed;
    if (so->pcb == nullptr) return SocketError::not_connected;
    return so->pcb->tuple;
}

}  // namespace kyu::net
