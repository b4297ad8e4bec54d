// The resolver in conversation with servers that are slow, wrong, or hostile.
#include "net/dns/resolver.hpp"

#include <gtest/gtest.h>

#include "net/dns/cache.hpp"
#include "net/dns/dns_test_support.hpp"
#include "net/host_test_support.hpp"

namespace kyu::net::test {
namespace resolver_test {

using host::Stop;
using Replies = std::vector<HostNet::Reply>;

Instant at_ms(std::int64_t ms) { return Instant::from_us(ms * 1000); }

Bytes good_reply(const Bytes& question, std::uint32_t ttl = 300) {
    return dns_reply({dns_record({0xC0, 12}, 1, ttl, {10, 1, 2, 3})}, 0x8180, get16(question, 0));
}

/// One thread on a board whose name server is the peer.
struct Resolver {
    HostNet host;
    std::vector<Bytes> questions;

    template <typename Body>
    void run(const std::function<Replies(const Bytes&)>& server, Body body) {
        host.serve_udp([this, server](unsigned to, const Bytes& payload) {
            if (to != kDnsPort) return Replies{};
            questions.push_back(payload);
            return server(payload);
        });
        host.machine.thread("user", 20, [&](ThreadContext& self) {
            self.sleep_until(at_ms(5));
            body(self);
            self.sleep_for(Duration::from_s(5));  // what waits for a silent server's ARP answer
            NetGuard guard{host.net, self};
            EXPECT_EQ(guard->udp.ports()[0].port, 0U) << "the socket is closed";
        });
        ASSERT_EQ(host.machine.run(), Stop::asked) << host.machine.text();
        EXPECT_EQ(host.pool.segment_stats().used, 0U);
    }
    Result<Ipv4, DnsError> ask(ThreadContext& self, std::string_view name = "board.example",
                               const DnsServers& servers = {kPeer}) {
        return dns_resolve(host.net, self, name, servers);
    }
};

TEST(Resolver, AnAnswerIsTakenAndRememberedForItsTime) {
    Resolver resolver;
    resolver.run([](const Bytes& q) { return Replies{{53, good_reply(q)}}; },
                 [&](ThreadContext& self) {
                     for (const std::string_view name :
                          {"board.example", "BOARD.example.", "board.Example"}) {
                         const auto address = resolver.ask(self, name);
                         ASSERT_TRUE(address);
                         EXPECT_EQ(*address, (Ipv4{10, 1, 2, 3}));
                     }
                     EXPECT_EQ(resolver.questions.size(), 1U) << "asked once";
                     self.sleep_for(Duration::from_s(301));
                     EXPECT_TRUE(resolver.ask(self));
                     EXPECT_EQ(resolver.questions.size(), 2U) << "and again when its time is up";
                 });
}

TEST(Resolver, DigitsAreAnAddressAndNonsenseIsNotAsked) {
    Resolver resolver;
    resolver.run([](const Bytes&) { return Replies{}; },
                 [&](ThreadContext& self) {
                     EXPECT_EQ(resolver.ask(self, "10.9.8.7").value(), (Ipv4{10, 9, 8, 7}));
                     EXPECT_EQ(resolver.ask(self, "a..b").error(), DnsError::bad_name);
                     EXPECT_EQ(resolver.ask(self, "a.b", {}).error(), DnsError::no_server);
                     EXPECT_TRUE(resolver.questions.empty());
                 });
}

TEST(Resolver, NumbersAndPortsCannotBeGuessed) {
    Resolver resolver;
    std::vector<unsigned> ids;
    resolver.run(
        [&](const Bytes& q) {
            ids.push_back(get16(q, 0));
            return Replies{{53, good_reply(q, 0)}};  // a TTL of zero: never kept
        },
        [&](ThreadContext& self) {
            for (int i = 0; i < 20; ++i) EXPECT_TRUE(resolver.ask(self));
        });
    std::vector<unsigned> ports;
    for (const Bytes& f : resolver.host.link.sent) {
        if (get16(f, 12) == 0x0800) ports.push_back(get16(f, kEther + kIp));
    }
    for (auto* values : {&ids, &ports}) {
        ASSERT_EQ(values->size(), 20U);
        std::sort(values->begin(), values->end());
        EXPECT_GE(std::unique(values->begin(), values->end()) - values->begin(), 19);
        EXPECT_GT(values->back() - values->front(), 4096U);
    }
}

TEST(Resolver, HostileAnswersAreCountedAndTheRightOneStillCounts) {
    Resolver resolver;
    resolver.run(
        [](const Bytes& q) {
            Bytes wrong_id = good_reply(q);
            wrong_id[0] ^= 1U;
            Bytes other_name = dns_reply({}, 0x8180, get16(q, 0), "other.example");
            return Replies{{54, good_reply(q)}, {53, wrong_id},      {53, other_name},
                           {53, Bytes(5, 1)},   {53, Bytes(600, 1)}, {53, good_reply(q)}};
        },
        [&](ThreadContext& self) {
            EXPECT_TRUE(resolver.ask(self));
            EXPECT_EQ(resolver.questions.size(), 1U);
            NetGuard guard{resolver.host.net, self};
            EXPECT_EQ(guard->stats.drops(Drop::udp_foreign), 1U) << "another port";
            EXPECT_EQ(guard->stats.drops(Drop::dns_foreign), 2U);
            EXPECT_EQ(guard->stats.drops(Drop::dns_malformed), 2U);
        });
}

TEST(Resolver, ASilentServerIsAskedAgainAndThenTheNext) {
    Resolver resolver;
    unsigned asked = 0;
    resolver.run(
        [&](const Bytes& q) { return ++asked < 2 ? Replies{} : Replies{{53, good_reply(q)}}; },
        [&](ThreadContext& self) {
            EXPECT_TRUE(resolver.ask(self));
            EXPECT_EQ(asked, 2U);
        });
    Resolver second;
    second.run([](const Bytes& q) { return Replies{{53, good_reply(q)}}; },
               [&](ThreadContext& self) {
                   const auto got =
                       second.ask(self, "board.example", {Ipv4{192, 168, 0, 9}, kPeer});
                   EXPECT_TRUE(got) << "the first one is not there";
               });
}

TEST(Resolver, AServerThatFailsIsNotTheLastWordButNoSuchNameIs) {
    Resolver failing;
    failing.run([](const Bytes& q) { return Replies{{53, dns_reply({}, 0x8182, get16(q, 0))}}; },
                [&](ThreadContext& self) {
                    EXPECT_EQ(failing.ask(self).error(), DnsError::server_failed);
                    EXPECT_EQ(failing.questions.size(), kDnsRounds);
                });
    Resolver sure;
    sure.run([](const Bytes& q) { return Replies{{53, dns_reply({}, 0x8183, get16(q, 0))}}; },
             [&](ThreadContext& self) {
                 EXPECT_EQ(sure.ask(self).error(), DnsError::no_such_name);
                 EXPECT_EQ(sure.questions.size(), 1U);
             });
}

TEST(Resolver, WithoutAnyAnswerItGivesUp) {
    Resolver resolver;
    resolver.run([](const Bytes&) { return Replies{}; },
                 [&](ThreadContext& self) {
                     EXPECT_EQ(resolver.ask(self).error(), DnsError::no_answer);
                     EXPECT_EQ(resolver.questions.size(), kDnsRounds);
                 });
}

TEST(DnsCache, IsBoundedAndTheFirstToEndGivesWay) {
    TestNet world = TestNet::with_address();
    const auto name = [](unsigned i) { return "host" + std::to_string(i) + ".example"; };
    for (unsigned i = 0; i < 100; ++i) dns_keep(world.net, name(i), Ipv4{i + 1}, 60 + i);
    for (unsigned i = 0; i < 100; ++i) {
        EXPECT_EQ(dns_lookup(world.net, name(i)).has_value(), i >= 100 - kDnsCacheEntries) << i;
    }
    dns_keep(world.net, name(99), kPeer, 10);
    EXPECT_EQ(dns_lookup(world.net, name(99)), kPeer) << "the newest answer counts";
    dns_keep(world.net, std::string(kDnsCacheName + 1, 'x'), kPeer, 10);
    EXPECT_FALSE(dns_lookup(world.net, std::string(kDnsCacheName + 1, 'x')));
    dns_keep(world.net, "long.example", kPeer, 0x7FFFFFFF);
    world.set_now(world.net.now() + Duration::from_s(kDnsTtlMax_s) + Duration::from_s(1));
    EXPECT_FALSE(dns_lookup(world.net, "long.example")) << "a day at most";
}

}  // namespace resolver_test
}  // namespace kyu::net::test
