// bsd-pitfalls B1 and B2, for everything but TCP: whichever one allocation fails, at either end,
// with and without frames lost, a conversation succeeds or its caller is told, and no pool is left
// short.
#include <array>
#include <string>

#include "net/dns/resolver.hpp"
#include "net/ping.hpp"
#include "net/socket/pair_test_support.hpp"
#include "net/tftp/client.hpp"
#include "net/udp_socket.hpp"

namespace kyu::net {
namespace nth_conversation_test {

using test::pattern_bytes;
using test::TestHost;
using test::TestPair;
using test::WireFates;
using Bytes = std::vector<std::byte>;

constexpr std::uint16_t kEchoPort = 7;
constexpr std::size_t kFileBytes = 5000;
constexpr std::size_t kLarge = 9000;  // seven fragments
constexpr Duration kSecond = Duration::from_s(1);

std::byte byte(unsigned value) { return static_cast<std::byte>(value); }
void add(Bytes& to, std::initializer_list<unsigned> values) {
    for (const unsigned value : values) to.push_back(byte(value));
}

// ---- The servers, on the second host -----------------------------------------------------------

using Answer = std::vector<Bytes> (*)(const Bytes& question);

std::vector<Bytes> echo(const Bytes& question) { return {question}; }

std::vector<Bytes> name_server(const Bytes& question) {
    Bytes answer = question;
    answer.at(2) = byte(0x81);
    answer.at(7) = byte(1);
    add(answer, {0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 7});
    return {answer};
}

/// Blocks of 512 bytes; options are passed over, as an old server does.
std::vector<Bytes> file_server(const Bytes& question) {
    static const Bytes file = pattern_bytes(kFileBytes);
    const unsigned block =
        question.at(1) == byte(1) ? 1 : std::to_integer<unsigned>(question.at(3)) + 1;
    const std::size_t first = std::min<std::size_t>((block - 1) * std::size_t{512}, file.size());
    if (block > file.size() / 512 + 1) return {};
    Bytes answer;
    add(answer, {0, 3, 0, block});
    const std::size_t end = std::min<std::size_t>(first + 512, file.size());
    for (std::size_t i = first; i < end; ++i) answer.push_back(file[i]);
    return {answer};
}

void serve(TestHost& host, ThreadContext& self, std::uint16_t port, Answer answer) {
    auto opened = UdpSocket::open(*host.net, self, port);
    ASSERT_TRUE(opened);
    UdpSocket socket = std::move(opened).value();
    static Bytes room(65536);
    for (;;) {
        const auto got = socket.receive(self, room, Instant::never());
        if (!got) continue;
        const Bytes question(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(got->bytes));
        for (const Bytes& each : answer(question)) {
            static_cast<void>(socket.send_to(self, got->from, each));
        }
    }
}

// ---- The clients, on the first -----------------------------------------------------------------

/// What a conversation came to: it succeeded, or said that it did not.
enum class Outcome : std::uint8_t { done, told, wrong };

Outcome echoes(TestHost& host, ThreadContext& self, std::size_t count) {
    auto opened = UdpSocket::open(*host.net, self, 0);
    if (!opened) return Outcome::told;
    UdpSocket socket = std::move(opened).value();
    const Bytes sent = pattern_bytes(count);
    Bytes back(count + 1);
    Outcome outcome = Outcome::told;
    for (int tries = 0; tries < 6 && outcome == Outcome::told; ++tries) {
        static_cast<void>(socket.send_to(self, {Ipv4{10, 0, 0, 2}, kEchoPort}, sent));
        const auto got = socket.receive(self, back, self.now() + kSecond);
        if (!got) continue;
        const bool same = got->bytes == count && std::equal(sent.begin(), sent.end(), back.begin());
        outcome = same ? Outcome::done : Outcome::wrong;
    }
    socket.close(self);
    return outcome;
}
Outcome small_echo(TestHost& host, ThreadContext& self) { return echoes(host, self, 100); }
Outcome large_echo(TestHost& host, ThreadContext& self) { return echoes(host, self, kLarge); }

Outcome pings(TestHost& host, ThreadContext& self, std::size_t bytes) {
    Pinger pinger;
    if (!pinger.open(*host.net, self, Ipv4{10, 0, 0, 2})) return Outcome::told;
    Outcome outcome = Outcome::told;
    for (std::uint16_t i = 0; i < 6 && outcome == Outcome::told; ++i) {
        static_cast<void>(pinger.send(self, i, bytes));
        const auto answer = pinger.receive(self, self.now() + kSecond);
        if (!answer) continue;
        outcome = answer->bytes == bytes && answer->intact ? Outcome::done : Outcome::wrong;
    }
    pinger.close(self);
    return outcome;
}
Outcome small_ping(TestHost& host, ThreadContext& self) { return pings(host, self, 56); }
Outcome large_ping(TestHost& host, ThreadContext& self) { return pings(host, self, kLarge); }

Outcome name(TestHost& host, ThreadContext& self) {
    const auto address = dns_resolve(*host.net, self, "board.example", {Ipv4{10, 0, 0, 2}});
    if (!address) return Outcome::told;
    return *address == Ipv4{192, 0, 2, 7} ? Outcome::done : Outcome::wrong;
}

Outcome file(TestHost& host, ThreadContext& self) {
    Bytes bytes;
    const TftpSink sink{[](void* to, std::span<const std::byte> data) {
                            auto& all = *static_cast<Bytes*>(to);
                            all.insert(all.end(), data.begin(), data.end());
                        },
                        &bytes, 100'000};
    TftpGet get{100'000};
    if (!tftp_get(*host.net, self, Ipv4{10, 0, 0, 2}, "kyu.bin", sink, get)) return Outcome::told;
    return bytes == pattern_bytes(kFileBytes) ? Outcome::done : Outcome::wrong;
}

// ---- Every conversation, every allocation ------------------------------------------------------

struct Conversation {
    const char* name;
    std::uint16_t port;
    Answer server;
    Outcome (*client)(TestHost&, ThreadContext&);
};

constexpr std::array kConversations{
    Conversation{"udp", kEchoPort, echo, small_echo},
    Conversation{"udp_in_fragments", kEchoPort, echo, large_echo},
    Conversation{"ping", 9, echo, small_ping},
    Conversation{"ping_in_fragments", 9, echo, large_ping},
    Conversation{"dns", kDnsPort, name_server, name},
    Conversation{"tftp", kTftpPort, file_server, file},
};

struct Trial {
    Outcome outcome{Outcome::told};
    bool failed_one{false};  ///< there was an n-th allocation
    std::string left{};      ///< pools that are not at their baseline in the end
};

Trial run(const Conversation& c, bool at_server, std::uint32_t n, unsigned lost_per_mille) {
    Trial trial;
    TestPair pair{{.lost = lost_per_mille, .seed = n}};
    TestHost& victim = at_server ? pair.b : pair.a;
    pair.machine.daemon("server", 10,
                        [&](ThreadContext& self) { serve(pair.b, self, c.port, c.server); });
    pair.machine.thread("client", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(10));
        const std::uint32_t before =
            victim.pool.segment_stats().failed + victim.pool.cluster_stats().failed;
        victim.pool.fail_nth(n);
        trial.outcome = c.client(pair.a, self);
        trial.failed_one =
            victim.pool.segment_stats().failed + victim.pool.cluster_stats().failed > before;
        victim.pool.fail_nth(0);
        self.sleep_for(Duration::from_s(60));  // fragments, packets that wait for ARP
        for (TestHost* host : {&pair.a, &pair.b}) {
            NetGuard guard{*host->net, self};
            if (host->pool.segment_stats().used > 0) trial.left += "mbufs ";
            if (host->pool.cluster_stats().used > 0) trial.left += "clusters ";
        }
    });
    pair.run();
    return trial;
}

class NthAllocationOf : public ::testing::TestWithParam<Conversation> {
protected:
    void fail_each(bool at_server, unsigned lost_per_mille) {
        std::uint32_t n = 1;
        for (;; ++n) {
            const Trial trial = run(GetParam(), at_server, n, lost_per_mille);
            const std::string what = std::string{at_server ? "server" : "client"} +
                                     ", allocation " + std::to_string(n) + ", lost " +
                                     std::to_string(lost_per_mille);
            EXPECT_NE(trial.outcome, Outcome::wrong) << what;
            EXPECT_EQ(trial.left, "") << what;
            if (lost_per_mille == 0) {
                EXPECT_EQ(trial.outcome, Outcome::done)
                    << "one failure is no more than a loss: " << what;
            }
            if (!trial.failed_one || HasFailure()) break;
        }
        EXPECT_GT(n, 2U) << "it takes memory";
    }
};

TEST_P(NthAllocationOf, that_fails_leaves_it_whole_or_told_and_no_pool_short) {
    for (const bool at_server : {false, true}) fail_each(at_server, 0);
}

TEST_P(NthAllocationOf, that_fails_while_frames_are_lost_does_too) {
    for (const bool at_server : {false, true}) fail_each(at_server, 150);
}

INSTANTIATE_TEST_SUITE_P(Of, NthAllocationOf, ::testing::ValuesIn(kConversations),
                         [](const auto& each) { return each.param.name; });

}  // namespace nth_conversation_test
}  // namespace kyu::net
