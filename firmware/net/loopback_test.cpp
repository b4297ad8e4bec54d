// The road to ourselves: queued, never recursive, for many connections at once.
#include <gtest/gtest.h>

#include "net/host_test_support.hpp"
#include "net/socket/api.hpp"

namespace kyu::net::test {
namespace loopback_test {

using host::Stop;

constexpr std::uint16_t kPort = 2000;
constexpr unsigned kConnections = 64;
constexpr std::size_t kBytes = 4 * 1024;

/// Reads until the other end is done; the bytes that came.
Bytes read_bytes(ThreadContext& self, TcpSocket& socket, std::size_t wanted) {
    Bytes in;
    std::array<std::byte, 4096> piece{};
    while (in.size() < wanted) {
        const auto got = socket.recv(self, piece, Instant::never());
        if (!got || *got == 0) break;
        for (std::size_t i = 0; i < *got; ++i)
            in.push_back(std::to_integer<std::uint8_t>(piece[i]));
    }
    return in;
}

void write_bytes(ThreadContext& self, TcpSocket& socket, const Bytes& bytes) {
    EXPECT_TRUE(socket.send(self, as_bytes(bytes), Instant::never()).status);
}

/// Opens them all, sends on each, and wants back what it sent.
unsigned talk_to_ourselves(ThreadContext& self, Net& net) {
    std::vector<TcpSocket> sockets;
    for (unsigned i = 0; i < kConnections; ++i) {
        const Ipv4 where = i % 2 == 0 ? kBoard : Ipv4{127, 0, 0, 1};
        auto socket = TcpSocket::connect(net, self, {where, kPort}, Instant::never());
        if (socket) sockets.push_back(std::move(socket).value());
    }
    for (TcpSocket& socket : sockets) write_bytes(self, socket, pattern(kBytes));
    unsigned good = 0;
    for (TcpSocket& socket : sockets) {
        good += read_bytes(self, socket, kBytes) == pattern(kBytes) ? 1 : 0;
        socket.close(self);
    }
    return good;
}

void serve(ThreadContext& self, TcpSocket& listener) {
    std::vector<TcpSocket> clients;
    for (unsigned i = 0; i < kConnections; ++i) {
        auto client = listener.accept(self, Instant::never());
        if (client) clients.push_back(std::move(client).value());
    }
    for (TcpSocket& client : clients) {
        write_bytes(self, client, read_bytes(self, client, kBytes));
        client.close(self);
    }
}

TEST(LoopbackConnections, ConnectToSelfWithManyConnections) {  // bsd-pitfalls A9
    HostNet host;
    unsigned good = 0;
    host.machine.thread("client", 20, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(20));
        good = talk_to_ourselves(self, host.net);
    });
    host.machine.thread("server", 21, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(10));
        auto listener = TcpSocket::listen(host.net, self, kPort, kConnections);
        ASSERT_TRUE(listener);
        serve(self, *listener);
        listener->close(self);
        self.sleep_for(Duration::from_s(120));  // TIME_WAIT of them all
        NetGuard guard{host.net, self};
        EXPECT_EQ(guard->pool.segment_stats().used, 0U);
        EXPECT_EQ(guard->pool.cluster_stats().used, 0U);
        EXPECT_GT(guard->stats.loopback, kConnections * 12U);
    });
    ASSERT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
    EXPECT_EQ(good, kConnections);
    EXPECT_LE(host.link.sent.size(), 1U) << "nothing but the announcement is on the wire";
}

}  // namespace loopback_test
}  // namespace kyu::net::test
