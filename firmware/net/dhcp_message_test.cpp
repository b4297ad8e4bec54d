// DHCP messages: hostile lengths, overload, impossible leases.
#include "net/dhcp_message.hpp"

#include <gtest/gtest.h>

#include "net/dhcp_test_support.hpp"

namespace kyu::net::test {
namespace dhcp_message_test {

Result<DhcpReply, Drop> parse(const Bytes& b) { return parse_dhcp(as_bytes(b)); }

TEST(DhcpMessage, AGoodOfferIsRead) {
    const auto reply = parse(dhcp_reply({}));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->type, DhcpType::offer);
    EXPECT_EQ(reply->your_address, (Ipv4{10, 0, 2, 15}));
    const auto lease = to_lease(*reply);
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->prefix_bits, 24);
    EXPECT_EQ(lease->gateway, (Ipv4{10, 0, 2, 2}));
    EXPECT_EQ(lease->dns, (std::array{Ipv4{10, 0, 2, 3}, Ipv4{}}));
    EXPECT_EQ(lease->length, Duration::from_s(86400));
    EXPECT_EQ(lease->t1, Duration::from_s(43200));
    EXPECT_EQ(lease->t2, Duration::from_s(75600));
}

TEST(DhcpMessage, EveryTruncationIsSafe) {  // packet case 52
    const Bytes whole = dhcp_reply({});
    for (std::size_t n = 0; n < whole.size(); ++n) {
        const auto reply = parse(slice(whole, 0, n));
        EXPECT_TRUE(n >= 243 || !reply) << n;
    }
}

TEST(DhcpMessage, WrongFixedFieldsAreRefused) {
    struct Wrong {
        std::size_t at;
        std::uint8_t value;
    };
    for (const Wrong w : {Wrong{0, 1}, Wrong{0, 0}, Wrong{1, 6}, Wrong{2, 16}, Wrong{2, 0},
                          Wrong{236, 0}, Wrong{239, 0}}) {
        Bytes b = dhcp_reply({});
        b[w.at] = w.value;
        EXPECT_EQ(parse(b).error(), Drop::dhcp_malformed);
    }
}

TEST(DhcpMessage, OptionLengthsAreChecked) {  // packet case 52
    const std::array malformed{
        Bytes{53},                   // no length
        Bytes{53, 1},                // no value
        Bytes{53, 200, 2},           // past the end
        Bytes{53, 0, 255},           // empty type
        Bytes{53, 2, 2, 2, 255},     // type too long
        Bytes{53, 1, 2, 1, 0, 255},  // empty mask
        Bytes{53, 1, 2, 1, 5, 255, 255, 255, 0, 0, 255},
        Bytes{53, 1, 2, 3, 3, 10, 0, 2, 255},
        Bytes{53, 1, 2, 51, 2, 0, 1, 255},
        Bytes{53, 1, 2},                     // no end mark (packet case 52)
        Bytes{53, 1, 2, 52, 1, 4, 255},      // overload of nothing that exists
        Bytes{1, 4, 255, 255, 255, 0, 255},  // no message type: BOOTP, not DHCP
        Bytes{}};
    for (const Bytes& options : malformed) {
        EXPECT_EQ(parse(dhcp_with_options(options)).error(), Drop::dhcp_malformed);
    }
}

TEST(DhcpMessage, OddButHarmlessOptionsAreRead) {
    const Bytes compression_loop = joined({119, 255}, Bytes(255, 0xC0));
    const std::array harmless{
        Bytes{0, 0, 0, 53, 1, 2, 255},  // padding in front
        Bytes{53, 1, 2, 12, 0, 255},    // an option of length 0 nobody asked for
        joined(joined({53, 1, 2}, compression_loop), {255}),
        Bytes{53, 1, 2, 53, 1, 6, 255}};  // repeated: the first counts
    for (const Bytes& options : harmless) {
        const auto reply = parse(dhcp_with_options(options));
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->type, DhcpType::offer);
    }
}

TEST(DhcpMessage, OverloadedFieldsAreReadOnceEach) {  // packet case 52
    Bytes b = dhcp_with_options({52, 1, 3, 255});
    const Bytes in_file{53, 1, 5, 52, 1, 3, 255};
    const Bytes in_name{54, 4, 10, 0, 2, 2, 255};
    std::copy(in_file.begin(), in_file.end(), b.begin() + 108);
    std::copy(in_name.begin(), in_name.end(), b.begin() + 44);
    const auto reply = parse(b);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->type, DhcpType::ack);
    EXPECT_EQ(reply->server, (Ipv4{10, 0, 2, 2}));
    b[108 + 128 - 1] = 60;  // an option without a length at the very end of the file field …
    std::fill_n(b.begin() + 108 + 6, 121, std::uint8_t{0});  // … reached through padding
    EXPECT_EQ(parse(b).error(), Drop::dhcp_malformed);
}

TEST(DhcpMessage, ImpossibleLeasesAreRefused) {  // packet case 52
    const auto refused = [](const DhcpFields& f) {
        const auto reply = parse(dhcp_reply(f));
        return reply && !to_lease(*reply);
    };
    EXPECT_FALSE(refused({}));
    EXPECT_TRUE(refused({.server = Ipv4{}})) << "no server identifier";
    EXPECT_TRUE(refused({.lease_s = 0}));
    EXPECT_TRUE(refused({.mask = Ipv4{0, 0, 0, 0}}));
    EXPECT_TRUE(refused({.mask = Ipv4{255, 0, 255, 0}}));
    EXPECT_TRUE(refused({.mask = Ipv4{0, 0, 0, 255}}));
    for (const Ipv4 a : {Ipv4{}, Ipv4{0xFFFFFFFF}, Ipv4{224, 0, 0, 1}, Ipv4{127, 0, 0, 1},
                         Ipv4{10, 0, 2, 0}, Ipv4{10, 0, 2, 255}}) {
        EXPECT_TRUE(refused({.address = a}));
    }
}

TEST(DhcpMessage, TimersAreMadeSensible) {  // packet case 52
    struct Case {
        std::uint32_t lease_s, t1_s, t2_s;
        std::int64_t expected_t1_s, expected_t2_s;
    };
    for (const Case c : {Case{1000, 100, 200, 100, 200}, Case{1000, 900, 100, 500, 875},
                         Case{1000, 1000, 2000, 500, 875}, Case{1000, 0, 0, 500, 875},
                         Case{1000, 500, 500, 500, 875}, Case{0xFFFFFFFF, 0, 0, 0, 0}}) {
        const auto reply =
            parse(dhcp_reply({.lease_s = c.lease_s, .t1_s = c.t1_s, .t2_s = c.t2_s}));
        ASSERT_TRUE(reply);
        const auto lease = to_lease(*reply);
        ASSERT_TRUE(lease);
        EXPECT_EQ(lease->endless, c.lease_s == 0xFFFFFFFF);
        if (lease->endless) continue;  // nobody looks at its times
        EXPECT_EQ(lease->t1, Duration::from_s(c.expected_t1_s));
        EXPECT_EQ(lease->t2, Duration::from_s(c.expected_t2_s));
    }
}

TEST(DhcpMessage, TheShortestLeasesHaveTheirTimesInOrderToo) {
    for (const std::uint32_t lease_s : {1U, 2U, 3U}) {
        const auto reply = parse(dhcp_reply({.lease_s = lease_s, .t1_s = 1, .t2_s = 0xFFFF0000}));
        ASSERT_TRUE(reply);
        const auto lease = to_lease(*reply);
        ASSERT_TRUE(lease);
        EXPECT_LT(Duration{}, lease->t1);
        EXPECT_LT(lease->t1, lease->t2);
        EXPECT_LT(lease->t2, lease->length);
    }
}

TEST(DhcpMessage, ARouterSomewhereElseIsNoRouter) {
    for (const Ipv4 router : {Ipv4{10, 9, 9, 9}, Ipv4{10, 0, 2, 15}}) {
        const auto reply = parse(dhcp_reply({.router = router}));
        ASSERT_TRUE(reply);
        EXPECT_EQ(to_lease(*reply)->gateway, Ipv4{});
    }
}

TEST(DhcpMessage, AQuestionHoldsWhatAServerNeeds) {
    const auto raw = build_dhcp({.type = DhcpType::request,
                                 .xid = 0xABCD0123,
                                 .client = kBoardMac,
                                 .requested_address = Ipv4{10, 0, 2, 15},
                                 .server = Ipv4{10, 0, 2, 2}});
    Bytes b(raw.size());
    std::memcpy(b.data(), raw.data(), raw.size());
    EXPECT_EQ(get32(b, 4), 0xABCD0123U);
    EXPECT_EQ(get16(b, 10), 0x8000U) << "answer by broadcast";
    EXPECT_EQ(dhcp_option(b, 53), Bytes{3});
    EXPECT_EQ(dhcp_option(b, 50), (Bytes{10, 0, 2, 15}));
    EXPECT_EQ(dhcp_option(b, 54), (Bytes{10, 0, 2, 2}));
    EXPECT_EQ(dhcp_option(b, 61).size(), 7U);
}

}  // namespace dhcp_message_test
}  // namespace kyu::net::test
