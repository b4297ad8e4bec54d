#include "services/iperf/iperf.hpp"

#include <algorithm>
#include <array>

#include "base/endian.hpp"
#include "services/wangdoodle/talk.hpp"

namespace kyu {
namespace {

using net::PollEvents;
using net::TcpSocket;
using wangdoodle::kPatience;

/// Sent by reference; only their number matters. A front of zeros is no header to the other side.
constinit std::array<std::byte, 32768> zeros{};

constexpr std::size_t kPiece = 2048;

std::uint32_t word(std::span<const std::byte> front, std::size_t index) {
    return reinterpret_cast<const Be32*>(front.data())[index].host();  // alignment 1
}

/// What goes back to the client, and when it has been enough.
class Reply {
    TcpSocket& to_;
    std::uint64_t left_;
    Instant ends_;
    bool done_{false};

public:
    Reply(TcpSocket& to, const IperfRequest& request, Instant now)
        : to_(to),
          left_(request.bytes),
          ends_(request.time == Duration{} ? Instant::never() : now + request.time) {}
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] Instant ends() const { return ends_; }
    [[nodiscard]] const TcpSocket& socket() const { return to_; }

    /// Sends what can be sent at once; returns how much that was.
    std::size_t go_on(ThreadContext& self) {
        std::size_t sent = 0;
        if (left_ > 0 && self.now() < ends_) {
            const auto size =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, zeros.size()));
            const auto out = to_.send_static(self, std::span(zeros).first(size), net::kDoNotWait);
            sent = out.sent;
            left_ -= sent;
            if (!out.status && out.status.error() != net::SocketError::timed_out) left_ = 0;
        }
        if (left_ == 0 || !(self.now() < ends_)) {
            done_ = true;
            (void)to_.shutdown_send(self);
        }
        return sent;
    }
};

class Session {
    IperfServer& server_;
    ThreadContext& self_;
    TcpSocket& client_;
    std::array<std::byte, kPiece> piece_;  // NOLINT: filled by recv

    /// False: there is no more.
    bool take(Instant deadline) {
        const auto got = client_.discard(self_, deadline);
        if (!got || *got == 0) return false;
        server_.bytes_in.fetch_add(*got);
        return true;
    }

    /// False: for kPatience the client has neither said anything nor taken anything.
    bool wait_for(std::span<net::PollItem> items, const Reply& reply) {
        const Instant patience = self_.now() + kPatience;
        const Instant until = reply.done() ? patience : std::min(patience, reply.ends());
        const auto found = net::poll(server_.net, self_, items, until);
        return found || until < patience;
    }

    void send_and_take(Reply& reply) {
        bool taking = true;
        while (taking || !reply.done()) {
            std::array items{net::PollItem{&reply.socket(), PollEvents::writable},
                             net::PollItem{&client_, PollEvents::readable}};
            // What is over is not looked at: it has an error, or its end, to tell for ever.
            const std::size_t first = reply.done() ? 1 : 0;
            const std::size_t end = taking ? 2 : 1;
            if (!wait_for(std::span(items).subspan(first, end - first), reply)) return;
            if (taking && any(items[1].seen)) taking = take(net::kDoNotWait);
            if (!reply.done() && (any(items[0].seen) || reply.ends() <= self_.now())) {
                send_some(reply);
            }
        }
    }

    void send_some(Reply& reply) {
        const std::size_t sent = reply.go_on(self_);
        server_.bytes_out.fetch_add(sent);
        // Room in the socket and none in the pool: others must run before there is.
        if (sent == 0 && !reply.done()) self_.sleep_for(Duration::from_ms(1));
    }

    void connect_back(const IperfRequest& request, bool take_too) {
        const net::Endpoint where{client_.remote(self_).address, request.port};
        auto back =
            TcpSocket::connect(server_.net, self_, where, self_.now() + Duration::from_s(10));
        if (!back) {
            while (take_too && take(self_.now() + kPatience)) {
            }
            return;
        }
        Reply reply{*back, request, self_.now()};
        if (take_too) {
            send_and_take(reply);
        } else {
            while (!reply.done()) {
                std::array item{net::PollItem{&*back, PollEvents::writable}};
                if (!wait_for(item, reply)) break;
                send_some(reply);
            }
        }
        // The client measures until it has everything: wait for its end, then go.
        (void)back->recv(self_, piece_, self_.now() + Duration::from_s(10));
        back->close(self_);
    }

public:
    Session(IperfServer& server, ThreadContext& self, TcpSocket& client)
        : server_(server), self_(self), client_(client) {}

    void run() {
        std::size_t have = 0;
        while (have < IperfRequest::kHeaderBytes) {
            const auto got =
                client_.recv(self_, std::span(piece_).subspan(have), self_.now() + kPatience);
            if (!got || *got == 0) break;
            have += *got;
        }
        server_.bytes_in.fetch_add(have);
        const IperfRequest request = iperf_request(std::span(piece_).first(have));
        if (request.reply == IperfRequest::Reply::connection) {
            Reply reply{client_, request, self_.now()};
            return send_and_take(reply);
        }
        if (request.reply == IperfRequest::Reply::now) return connect_back(request, true);
        while (take(self_.now() + kPatience)) {
        }
        if (request.reply == IperfRequest::Reply::afterwards) connect_back(request, false);
    }
};

}  // namespace

IperfRequest iperf_request(std::span<const std::byte> front) {
    constexpr std::uint32_t kConnectBack = 0x8000'0000;
    constexpr std::uint32_t kExtended = 0x4000'0000;
    constexpr std::uint32_t kRunNow = 0x0000'0001;
    constexpr std::uint32_t kReverse = 0x0400'0000;  // of the extension's flags
    constexpr std::uint32_t kFullDuplex = 0x0800'0000;
    constexpr std::uint32_t kIsTime = 0x8000'0000;
    constexpr std::uint32_t kPortMax = 0xFFFF;
    IperfRequest request;
    if (front.size() < IperfRequest::kHeaderBytes) return request;
    const std::uint32_t flags = word(front, 0);
    if ((flags & kConnectBack) != 0) {
        const bool now = (flags & kRunNow) != 0;
        request.reply = now ? IperfRequest::Reply::now : IperfRequest::Reply::afterwards;
    } else if ((flags & kExtended) != 0 && (word(front, 8) & (kReverse | kFullDuplex)) != 0) {
        request.reply = IperfRequest::Reply::connection;
    }
    if (const std::uint32_t port = word(front, 2); port > 0 && port <= kPortMax) {
        request.port = static_cast<std::uint16_t>(port);
    }
    // Negative: hundredths of a second.
    const std::uint32_t amount = word(front, 5);
    if ((amount & kIsTime) != 0) {
        request.time = Duration::from_ms(10 * std::int64_t{~amount + 1U});
    } else {
        request.bytes = amount;
    }
    return request;
}

void serve_iperf(void* state, ThreadContext& self, net::TcpSocket& client) {
    Session{*static_cast<IperfServer*>(state), self, client}.run();
}

}  // namespace kyu
