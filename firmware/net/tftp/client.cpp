// The conversation with a TFTP server.
//
// Context   threads.
#include "net/tftp/client.hpp"

#include <utility>

#include "net/net.hpp"
#include "net/udp_socket.hpp"

namespace kyu::net {

namespace {

void count(Net& net, ThreadContext& self, Drop reason) {
    NetGuard guard{net, self};
    guard->stats.count(reason);
}

struct Transfer {
    Net& net;
    ThreadContext& self;
    UdpSocket& socket;
    Endpoint peer;      ///< the server's port for requests, then the transfer's
    bool known{false};  ///< the transfer's port is known
    const TftpSink& sink;
    TftpGet& get;

    /// False: there is no way to the peer. What found no memory is lost like on the wire, and said
    /// again when no answer comes.
    bool send() {
        const auto sent = socket.send_to(self, peer, get.reply());
        return sent || sent.error() == UdpError::no_memory;
    }

    /// Whether it comes from the transfer's port.
    bool from_peer(const Endpoint& from) {
        if (known ? from == peer : from.address == peer.address) return true;
        count(net, self, Drop::tftp_foreign);
        if (known && from.address == peer.address) {
            // The answer to a stranger is a courtesy: that it may not go out is no matter.
            static_cast<void>(socket.send_to(self, from, kTftpForeign));
        }
        return false;
    }

    /// The next packet of the server's that means something, or malformed when `deadline` passes.
    Result<TftpGet::Event, TftpError> step(Instant deadline) {
        std::array<std::byte, kTftpBlockWanted + 4> packet{};
        for (;;) {
            const auto got = socket.receive(self, packet, deadline);
            if (!got) {
                return got.error() == UdpError::timed_out ? TftpError::no_answer
                                                          : TftpError::unreachable;
            }
            if (!from_peer(got->from)) continue;
            std::span<const std::byte> data;
            const TftpGet::Event event =
                got->bytes > packet.size()
                    ? TftpGet::Event::malformed
                    : get.take(std::span<const std::byte>{packet}.first(got->bytes), data);
            if (event == TftpGet::Event::malformed || event == TftpGet::Event::duplicate) {
                count(net, self,
                      event == TftpGet::Event::duplicate ? Drop::tftp_duplicate
                                                         : Drop::tftp_malformed);
                continue;
            }
            peer = got->from;
            known = true;
            if (!data.empty()) sink.write(sink.argument, data);
            return event;
        }
    }

    Status<TftpError> run() {
        for (unsigned tries = 0; tries < kTftpTries;) {
            if (!send()) return TftpError::unreachable;
            const auto event = step(self.now() + kTftpRetry);
            if (!event && event.error() == TftpError::unreachable) return event.error();
            tries = event ? 0 : tries + 1;
            if (!event) continue;
            if (*event == TftpGet::Event::refused) return get.error();
            if (*event == TftpGet::Event::finished || *event == TftpGet::Event::failed) {
                // The last word: whether it arrives is the server's to find out.
                static_cast<void>(send());
                if (*event == TftpGet::Event::finished) return ok;
                return get.error();
            }
        }
        return TftpError::no_answer;
    }
};

}  // namespace

Status<TftpError> tftp_get(Net& net, ThreadContext& self, Ipv4 server, std::string_view name,
                           const TftpSink& sink, TftpGet& get) {
    if (!get.ask(name)) return TftpError::bad_name;
    auto opened = UdpSocket::open(net, self, 0);
    if (!opened) return TftpError::no_socket;
    UdpSocket socket = std::move(opened).value();
    auto result = Transfer{.net = net,
                           .self = self,
                           .socket = socket,
                           .peer = {server, kTftpPort},
                           .sink = sink,
                           .get = get}
                      .run();
    socket.close(self);
    return result;
}

}  // namespace kyu::net
