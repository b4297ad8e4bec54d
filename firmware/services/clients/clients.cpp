#include "services/clients/clients.hpp"

#include <algorithm>
#include <array>

#include "net/socket/options.hpp"
#include "services/wangdoodle/pattern.hpp"
#include "services/wangdoodle/talk.hpp"

namespace kyu::clients {
namespace {

using net::TcpSocket;

constexpr Duration kConnectPatience = Duration::from_s(20);
constexpr Duration kPatience = Duration::from_s(60);

}  // namespace

LotsOutcome lots(net::Net& net, ThreadContext& self, wangdoodle::ChunkBuffers& buffers,
                 const LotsRequest& request) {
    LotsOutcome outcome;
    const wangdoodle::ChunkBuffers::Loan loan{buffers, self, self.now() + kPatience};
    if (loan.bytes().empty() || request.chunk == 0 || request.chunk > loan.bytes().size()) {
        outcome.error = net::SocketError::invalid;
        return outcome;
    }
    const Instant start = self.now();
    auto server = TcpSocket::connect(net, self, request.to, start + kConnectPatience);
    if (!server) {
        outcome.error = server.error();
        return outcome;
    }
    const wangdoodle::GenStream stream{kLotsSeed};
    while (outcome.sent < request.bytes && !outcome.error) {
        const auto size = static_cast<std::size_t>(
            std::min<std::uint64_t>(request.chunk, request.bytes - outcome.sent));
        const auto chunk = loan.bytes().first(size);
        stream.fill(outcome.sent, chunk);
        const auto done = server->send(self, chunk, self.now() + kPatience);
        outcome.sent += done.sent;
        if (!done.status) outcome.error = done.status.error();
    }
    if (!outcome.error) {
        (void)server->shutdown_send(self);
        std::array<std::byte, 1> end{};
        const auto closed = server->recv(self, end, self.now() + kPatience);
        if (!closed) outcome.error = closed.error();
    }
    outcome.took = self.now() - start;
    server->close(self);
    return outcome;
}

std::optional<net::SocketError> daytime(net::Net& net, ThreadContext& self,
                                        const net::Endpoint& from, TextSink& line) {
    auto server = TcpSocket::connect(net, self, from, self.now() + kConnectPatience);
    if (!server) return server.error();
    std::optional<net::SocketError> error;
    bool ended = false;
    while (!ended) {
        std::array<std::byte, 64> piece{};
        const auto got = server->recv(self, piece, self.now() + kPatience);
        if (!got) error = got.error();
        ended = !got || *got == 0;
        for (std::size_t i = 0; !ended && i < *got; ++i) {
            const char c = std::to_integer<char>(piece[i]);
            ended = c == '\r' || c == '\n';
            if (!ended) line.put({&c, 1});
        }
    }
    server->close(self);
    return error;
}

}  // namespace kyu::clients
