// The iperf server: what it reads out of a header, and what it does then.
#include "services/iperf/iperf.hpp"

#include <gtest/gtest.h>

#include "net/socket/pair_test_support.hpp"

namespace kyu {
namespace iperf_test {

using net::TcpSocket;
using net::test::TestPair;
using Reply = IperfRequest::Reply;

const Instant kForever = Instant::never();

/// The words of a header as iperf 2.1.8 sends them with `-t 1` and these flags.
std::vector<std::byte> header(std::uint32_t flags, std::uint32_t upper = 0,
                              std::uint32_t amount = 0xFFFF'FF9C, std::uint32_t port = 5001) {
    const std::array<std::uint32_t, 15> words{
        flags | 0x0001'0078, 1,           port, 0, 0, amount, 0, 0, upper, 0,
        0x0002'0001,         0x0008'0003, 0,    0, 0};
    std::vector<std::byte> bytes;
    for (const std::uint32_t word : words) {
        for (unsigned shift = 32; shift > 0; shift -= 8) {
            bytes.push_back(static_cast<std::byte>(word >> (shift - 8)));
        }
    }
    return bytes;
}

TEST(IperfRequest, is_read_from_what_iperf_sends) {
    EXPECT_EQ(iperf_request(header(0x4000'0000)).reply, Reply::none);
    EXPECT_EQ(iperf_request(header(0xC000'0000)).reply, Reply::afterwards);
    EXPECT_EQ(iperf_request(header(0xC000'0001)).reply, Reply::now);
    EXPECT_EQ(iperf_request(header(0x4400'0000, 0x0400'0000)).reply, Reply::connection);
    EXPECT_EQ(iperf_request(header(0x4400'0000, 0x0800'0000)).reply, Reply::connection);
    EXPECT_EQ(iperf_request(header(0x4000'0000)).time, Duration::from_s(1));
    EXPECT_EQ(iperf_request(header(0, 0, 1'000'000)).bytes, 1'000'000U);
    EXPECT_EQ(iperf_request(header(0x8000'0000, 0, 1, 5600)).port, 5600);
}

TEST(IperfRequest, of_anything_else_is_none) {
    EXPECT_EQ(iperf_request({}).reply, Reply::none);
    EXPECT_EQ(iperf_request(std::vector<std::byte>(36)).reply, Reply::none);
    const auto whole = header(0x8000'0000);
    for (std::size_t size = 0; size < IperfRequest::kHeaderBytes; ++size) {
        EXPECT_EQ(iperf_request(std::span{whole}.first(size)).reply, Reply::none);
    }
    EXPECT_EQ(iperf_request(header(0x8000'0000, 0, 1, 70'000)).port, kIperfPort);
}

/// A server on B; `client` runs on A with a fresh connection to it.
class Iperf : public ::testing::Test {
protected:
    TestPair pair_;
    IperfServer server_{*pair_.b.net};
    bool served_{false};

    template <typename Client>
    void run(Client client) {
        pair_.machine.thread("server", 10, [&](ThreadContext& self) {
            auto listener = TcpSocket::listen(*pair_.b.net, self, kIperfPort, 2);
            ASSERT_TRUE(listener);
            auto s = listener->accept(self, kForever);
            ASSERT_TRUE(s);
            serve_iperf(&server_, self, *s);
            served_ = true;
            s->close(self);
            listener->close(self);
        });
        pair_.machine.thread("client", 10, [&, client](ThreadContext& self) {
            self.sleep_for(Duration::from_ms(5));
            auto c =
                TcpSocket::connect(*pair_.a.net, self, {pair_.b.address, kIperfPort}, kForever);
            ASSERT_TRUE(c);
            client(self, *c);
            c->close(self);
        });
        pair_.run();
    }
    static void send(TcpSocket& s, ThreadContext& self, std::span<const std::byte> bytes) {
        EXPECT_EQ(s.send(self, bytes, kForever).sent, bytes.size());
    }
    static std::uint64_t take_all(TcpSocket& s, ThreadContext& self) {
        std::vector<std::byte> piece(20'000);
        std::uint64_t got = 0;
        for (auto n = s.recv(self, piece, kForever); n && *n > 0;
             n = s.recv(self, piece, kForever)) {
            got += *n;
        }
        return got;
    }
    static constexpr std::size_t kSent = 300'000;
};

TEST_F(Iperf, plain_takes_everything_and_counts_it) {
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(0x4000'0000));
        send(c, self, std::vector<std::byte>(kSent));
    });
    EXPECT_EQ(server_.bytes_in, kSent + 60);
    EXPECT_EQ(server_.bytes_out, 0U);
}

TEST_F(Iperf, a_client_that_says_next_to_nothing_is_served_too) {
    run([&](ThreadContext& self, TcpSocket& c) { send(c, self, std::vector<std::byte>(3)); });
    EXPECT_EQ(server_.bytes_in, 3U);
}

TEST_F(Iperf, reverse_sends_for_the_time_that_was_asked_for) {
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(0x4400'0000, 0x0400'0000));
        const Instant start = self.now();
        const std::uint64_t got = take_all(c, self);
        EXPECT_EQ(got, server_.bytes_out.load());
        EXPECT_GE((self.now() - start).ms(), 1000);
        EXPECT_LT((self.now() - start).ms(), 1200);
    });
    EXPECT_GT(server_.bytes_out, 1'000'000U);
}

TEST_F(Iperf, reverse_sends_as_much_as_was_asked_for) {
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(0x4400'0000, 0x0400'0000, 1'000'001));
        EXPECT_EQ(take_all(c, self), 1'000'001U);
    });
}

TEST_F(Iperf, full_duplex_goes_both_ways_at_once) {
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(0x4400'0000, 0x0800'0000, 500'000));
        send(c, self, std::vector<std::byte>(kSent));
        EXPECT_TRUE(c.shutdown_send(self));
        EXPECT_EQ(take_all(c, self), 500'000U);
    });
    EXPECT_EQ(server_.bytes_in, kSent + 60);
}

class IperfBack : public Iperf, public ::testing::WithParamInterface<bool> {};

TEST_P(IperfBack, it_connects_back_to_the_port_that_the_client_names) {
    const bool now = GetParam();
    std::uint64_t came = 0;
    pair_.machine.thread("listener", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(2));
        auto l = TcpSocket::listen(*pair_.a.net, self, 5600, 1);
        ASSERT_TRUE(l);
        auto s = l->accept(self, kForever);
        ASSERT_TRUE(s);
        came = take_all(*s, self);
        s->close(self);
        l->close(self);
    });
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(now ? 0xC000'0001 : 0xC000'0000, 0, 400'000, 5600));
        send(c, self, std::vector<std::byte>(kSent));
        if (!now) {
            EXPECT_EQ(came, 0U) << "not before the client has finished";
        }
    });
    EXPECT_EQ(came, 400'000U);
    EXPECT_EQ(server_.bytes_in, kSent + 60);
}
INSTANTIATE_TEST_SUITE_P(When, IperfBack, ::testing::Bool());

TEST_F(Iperf, a_client_that_vanishes_ends_the_session) {
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(0x4400'0000, 0x0800'0000, 0xF000'0000));  // for days
        self.sleep_for(Duration::from_ms(100));
        c.abort(self);
    });
}

TEST_F(Iperf, a_client_that_takes_nothing_is_given_up) {
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(0x4400'0000, 0x0400'0000, 0x7000'0000));
        self.sleep_for(Duration::from_s(150));
        EXPECT_TRUE(served_);
    });
}

class IperfDeaf : public Iperf, public ::testing::WithParamInterface<bool> {};

TEST_P(IperfDeaf, so_is_one_that_was_connected_back_to) {
    const bool now = GetParam();
    pair_.machine.thread("listener", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(2));
        auto l = TcpSocket::listen(*pair_.a.net, self, 5600, 1);
        ASSERT_TRUE(l);
        auto s = l->accept(self, kForever);
        ASSERT_TRUE(s);
        self.sleep_for(Duration::from_s(150));
        EXPECT_TRUE(served_);
        s->close(self);
        l->close(self);
    });
    run([&](ThreadContext& self, TcpSocket& c) {
        send(c, self, header(now ? 0xC000'0001 : 0xC000'0000, 0, 0x7000'0000, 5600));
        if (!now) return;
        self.sleep_for(Duration::from_s(1));
        c.abort(self);
    });
}
INSTANTIATE_TEST_SUITE_P(When, IperfDeaf, ::testing::Bool());

}  // namespace iperf_test
}  // namespace kyu
