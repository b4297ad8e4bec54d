#include "services/server/tcp_server.hpp"

#include <utility>

#include "base/check.hpp"
#include "base/text.hpp"

namespace kyu {

void ServerWorker::start(ThreadContext& self, const Protocol& protocol, std::size_t index,
                         Semaphore& idle) {
    TextBuffer<sizeof(name_) - 1> name;  // the last byte stays NUL
    print(name, "{}-{}", protocol.name, index);
    name.view().copy(name_.data(), name.view().size());
    protocol_ = &protocol;
    idle_ = &idle;
    thread_.start(self);
}

void ServerWorker::entry(ThreadContext& self, void* worker) {
    auto& me = *static_cast<ServerWorker*>(worker);
    for (;;) {
        me.go_.wait(self, Instant::never());
        me.protocol_->serve(me.protocol_->state, self, me.client_);
        if (me.client_.open()) me.client_.close(self);
        me.busy_.store(false);
        me.idle_->signal(self);
    }
}

TcpServerBase::TcpServerBase(net::Net& net, const Protocol& protocol, std::size_t workers)
    : net_(net),
      protocol_(protocol),
      idle_("idle worker", static_cast<unsigned>(workers)),
      acceptor_(protocol.name, kServicePriority, acceptor_stack_.span(), accept_entry, this) {}

Status<net::SocketError> TcpServerBase::start(ThreadContext& self) {
    auto listener =
        net::TcpSocket::listen(net_, self, protocol_.port, static_cast<unsigned>(workers()));
    if (!listener) return listener.error();
    listener_ = std::move(listener).value();
    for (std::size_t i = 0; i < workers(); ++i) worker(i).start(self, protocol_, i, idle_);
    acceptor_.start(self);
    return ok;
}

void TcpServerBase::hand_over(ThreadContext& self, net::TcpSocket client) {
    for (std::size_t i = 0; i < workers(); ++i) {
        ServerWorker& candidate = worker(i);
        if (candidate.busy_.load()) continue;
        candidate.busy_.store(true);
        candidate.client_ = std::move(client);
        return candidate.go_.signal(self);
    }
    CHECK(false && "idle_ counts the free workers");
}

void TcpServerBase::accept_entry(ThreadContext& self, void* server) {
    auto& me = *static_cast<TcpServerBase*>(server);
    for (;;) {
        // First a free worker, then a connection: what cannot be served stays in TCP's queues.
        me.idle_.wait(self, Instant::never());
        auto client = me.listener_.accept(self, Instant::never());
        if (client) {
            me.hand_over(self, std::move(client).value());
        } else {
            me.idle_.signal(self);
            self.sleep_for(Duration::from_ms(10));  // out of sockets: give TCP time to free some
        }
    }
}

}  // namespace kyu
