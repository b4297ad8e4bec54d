// tftp_get in conversation with servers that are good, deaf, or not the one that was asked.
#include "net/tftp/client.hpp"

#include <gtest/gtest.h>

#include "net/host_test_support.hpp"
#include "net/tftp/tftp_test_support.hpp"

namespace kyu::net::test {
namespace client_test {

using host::Stop;
using Replies = std::vector<HostNet::Reply>;

constexpr unsigned kTransfer = 2069;  // the port that the server answers from

/// A server of one file, in blocks of 1000.
struct Server {
    Bytes file;
    std::vector<Bytes> heard{};  ///< by the transfer's port
    unsigned requests{0};

    [[nodiscard]] Bytes block(unsigned number) const {
        return tftp_data(number & 0xFFFFU, slice(file, (number - 1) * std::size_t{1000}, 1000));
    }
    Replies answer(unsigned to, const Bytes& packet) {
        if (to == kTftpPort) {
            ++requests;
            return {{kTransfer,
                     tftp_options({"blksize", "1000", "tsize", std::to_string(file.size())})}};
        }
        if (to != kTransfer) return {};
        heard.push_back(packet);
        if (get16(packet, 0) != 4) return {};
        const unsigned acked = get16(packet, 2);
        if (acked * std::size_t{1000} > file.size()) return {};
        return {{kTransfer, block(acked + 1)}};
    }
};

struct Outcome {
    bool good{false};
    TftpError error{};
    Bytes bytes{};
    std::string text{};
    std::uint64_t foreign{0};
    std::uint64_t duplicates{0};
};

Outcome fetch(HostNet& host, HostNet::Answer server, std::uint64_t bytes_max = 1'000'000) {
    Outcome outcome;
    host.serve_udp(std::move(server));
    host.machine.thread("user", 20, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(5));
        const TftpSink sink{
            [](void* to, std::span<const std::byte> data) {
                for (const std::byte b : data) {
                    static_cast<Bytes*>(to)->push_back(std::to_integer<std::uint8_t>(b));
                }
            },
            &outcome.bytes, bytes_max};
        TftpGet get{bytes_max};
        const auto done = tftp_get(host.net, self, kPeer, "kyu.bin", sink, get);
        outcome.good = done.has_value();
        if (!done) outcome.error = done.error();
        outcome.text = get.text();
        NetGuard guard{host.net, self};
        outcome.foreign = guard->stats.drops(Drop::tftp_foreign);
        outcome.duplicates = guard->stats.drops(Drop::tftp_duplicate);
        EXPECT_EQ(guard->udp.ports()[0].port, 0U) << "the socket is closed";
    });
    EXPECT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
    EXPECT_EQ(host.pool.segment_stats().used, 0U);
    EXPECT_EQ(host.pool.cluster_stats().used, 0U);
    return outcome;
}

TEST(TftpClient, FetchesFilesOfEverySizeAroundABlock) {
    for (const std::size_t size : {0U, 1U, 999U, 1000U, 1001U, 20'000U}) {
        HostNet host;
        Server server{pattern(size)};
        const Outcome got =
            fetch(host, [&](unsigned to, const Bytes& p) { return server.answer(to, p); });
        EXPECT_TRUE(got.good) << size;
        EXPECT_EQ(got.bytes, pattern(size));
        EXPECT_EQ(server.heard.size(), 1 + size / 1000 + 1) << "one answer for each packet";
    }
}

TEST(TftpClient, LostPacketsAreAskedForAgain) {
    HostNet host;
    Server server{pattern(5000)};
    unsigned n = 0;
    const Outcome got = fetch(host, [&](unsigned to, const Bytes& p) {
        return ++n % 2 == 1 ? Replies{} : server.answer(to, p);  // every other one is lost
    });
    EXPECT_TRUE(got.good);
    EXPECT_EQ(got.bytes, pattern(5000));
}

TEST(TftpClient, ANetworkThatDoublesEverythingIsNotAnsweredDouble) {  // RFC 1123 §4.2.3.1
    HostNet host;
    Server server{pattern(20'000)};
    const Outcome got = fetch(host, [&](unsigned to, const Bytes& p) {
        Replies once = server.answer(to, p);
        Replies twice = once;
        twice.insert(twice.end(), once.begin(), once.end());
        return twice;
    });
    EXPECT_TRUE(got.good);
    EXPECT_EQ(got.bytes, pattern(20'000));
    EXPECT_EQ(server.heard.size(), 22U);
    EXPECT_GE(got.duplicates, 20U);
}

TEST(TftpClient, AStrangersPortIsToldAndChangesNothing) {  // RFC 1350 §4
    HostNet host;
    Server server{pattern(2500)};
    std::vector<Bytes> to_stranger;
    const Outcome got = fetch(host, [&](unsigned to, const Bytes& p) {
        if (to == 3000) to_stranger.push_back(p);
        Replies replies = server.answer(to, p);
        if (to == kTransfer) replies.insert(replies.begin(), {3000, tftp_data(1, Bytes(9, 0xEE))});
        return replies;
    });
    EXPECT_TRUE(got.good);
    EXPECT_EQ(got.bytes, pattern(2500));
    EXPECT_GE(got.foreign, 3U);
    ASSERT_GE(to_stranger.size(), 3U);
    EXPECT_EQ(to_stranger[0], (Bytes{0, 5, 0, 5, 0}));
}

TEST(TftpClient, AServerThatStaysSilentIsGivenUp) {
    HostNet host;
    unsigned requests = 0;
    const Outcome got = fetch(host, [&](unsigned, const Bytes&) {
        ++requests;
        return Replies{};
    });
    EXPECT_FALSE(got.good);
    EXPECT_EQ(got.error, TftpError::no_answer);
    EXPECT_EQ(requests, kTftpTries);
}

TEST(TftpClient, ARefusalIsPassedOn) {
    HostNet host;
    const Outcome got = fetch(host, [&](unsigned, const Bytes&) {
        return Replies{{kTransfer, tftp_error(1, "not here")}};
    });
    EXPECT_FALSE(got.good);
    EXPECT_EQ(got.error, TftpError::refused);
    EXPECT_EQ(got.text, "not here");
}

TEST(TftpClient, AFileBeyondTheRoomEndsWithAnError) {
    HostNet host;
    Server server{pattern(5000)};
    const Outcome got =
        fetch(host, [&](unsigned to, const Bytes& p) { return server.answer(to, p); }, 4000);
    EXPECT_FALSE(got.good);
    EXPECT_EQ(got.error, TftpError::too_big);
    ASSERT_EQ(server.heard.size(), 1U);
    EXPECT_EQ(get16(server.heard[0], 0), 5U) << "the server is told";
}

}  // namespace client_test
}  // namespace kyu::net::test
