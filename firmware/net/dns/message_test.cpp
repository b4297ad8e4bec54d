// DNS messages: names, aliases, and answers that lie.
#include "net/dns/message.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "net/dns/dns_test_support.hpp"

namespace kyu::net::test {
namespace dns_message_test {

DnsName name_of(std::string_view text) {
    auto name = dns_name(text);
    EXPECT_TRUE(name);
    return *name;
}

Result<DnsAnswer, DnsError> parsed(const Bytes& message, std::string_view asked = "board.example") {
    return parse_dns(as_bytes(message), 0x1234, name_of(asked));
}

DnsError error_of(const Bytes& message, std::string_view asked = "board.example") {
    auto result = parsed(message, asked);
    EXPECT_FALSE(result);
    return result ? DnsError::bad_name : result.error();
}

TEST(DnsMessage, AsksForOneNamesAddress) {
    const DnsQuestion q = build_dns(0x1234, name_of("Board.Example"));
    const Bytes expected = joined({0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0},
                                  joined(dns_wire("board.example"), {0, 1, 0, 1}));
    EXPECT_TRUE(std::equal(q.span().begin(), q.span().end(), as_bytes(expected).begin(),
                           as_bytes(expected).end()));
}

TEST(DnsMessage, NamesThatCannotBeAskedForAreRefused) {
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
    for (const std::string& good : {std::string{"a"}, std::string{"a.b."}, label, longest}) {
        EXPECT_TRUE(dns_name(good)) << good;
    }
    for (const std::string& bad :
         {std::string{}, std::string{"."}, std::string{"a..b"}, std::string{".a"}, label + "a",
          longest + "a", std::string{"a b"}, std::string{"a\x01"}, std::string{"\xC3"}}) {
        EXPECT_FALSE(dns_name(bad)) << bad;
    }
}

TEST(DnsMessage, AnAddressIsFoundWithOrWithoutCompression) {
    for (const bool compressed : {true, false}) {
        const Bytes owner = compressed ? Bytes{0xC0, 12} : dns_wire("BOARD.example");
        const auto answer = parsed(dns_reply({dns_record(owner, 1, 300, {10, 1, 2, 3})}));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->address, (Ipv4{10, 1, 2, 3}));
        EXPECT_EQ(answer->ttl_s, 300U);
    }
}

TEST(DnsMessage, AliasesAreFollowedInAnyOrderAndTheLeastTtlCounts) {
    std::vector<Bytes> records{
        dns_record(dns_wire("board.example"), 5, 900, dns_wire("one.example")),
        dns_record(dns_wire("one.example"), 5, 30, dns_wire("two.example")),
        dns_record(dns_wire("two.example"), 1, 600, {10, 0, 0, 2}),
        dns_record(dns_wire("elsewhere.example"), 1, 600, {10, 0, 0, 9})};
    std::sort(records.begin(), records.end());
    do {
        const auto answer = parsed(dns_reply(records));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->address, (Ipv4{10, 0, 0, 2}));
        EXPECT_EQ(answer->ttl_s, 30U);
    } while (std::next_permutation(records.begin(), records.end()));
}

TEST(DnsMessage, AChainOfAliasesHasAnEnd) {
    std::vector<Bytes> records;
    std::string from = "board.example";
    for (unsigned i = 0; i <= kDnsAliasesMax; ++i) {
        const std::string to = std::string(1, static_cast<char>('a' + i)) + ".example";
        records.push_back(dns_record(dns_wire(from), 5, 60, dns_wire(to)));
        from = to;
    }
    EXPECT_EQ(error_of(dns_reply(records)), DnsError::too_long);
    EXPECT_EQ(error_of(dns_reply({dns_record({0xC0, 12}, 5, 60, {0xC0, 12})})), DnsError::too_long)
        << "an alias of itself";
}

TEST(DnsMessage, CompressionPointersThatLoopOrPointForwardsAreMalformed) {
    const Bytes head = dns_reply({});
    const auto at = static_cast<std::uint8_t>(head.size());
    for (const Bytes& owner : {Bytes{0xC0, at}, Bytes{0xC0, static_cast<std::uint8_t>(at + 2)},
                               Bytes{0xFF, 0xFF}, Bytes{0xC0}, Bytes{1, 'a', 0xC0, at}}) {
        EXPECT_EQ(error_of(dns_reply({dns_record(owner, 1, 60, {10, 0, 0, 1})})),
                  DnsError::malformed);
    }
    // A ladder of pointers, each to the one before: more of them than are followed.
    Bytes ladder = dns_record({0xC0, 12}, 16, 60, {});
    for (unsigned i = 0; i < 30; ++i) {
        const auto previous = static_cast<std::uint8_t>(i == 0 ? 12 : at + 10 + 2 * i);
        ladder = joined(std::move(ladder), {0xC0, previous});
    }
    put16(ladder, 10, 60);
    const auto last = static_cast<std::uint8_t>(at + 10 + 60);
    EXPECT_EQ(error_of(dns_reply({ladder, dns_record({0xC0, last}, 1, 60, {10, 0, 0, 1})})),
              DnsError::malformed);
}

TEST(DnsMessage, ANameLongerThanTheLimitIsMalformed) {
    Bytes longest;
    for (int i = 0; i < 5; ++i) longest = joined(joined(std::move(longest), {63}), Bytes(63, 'x'));
    longest.push_back(0);
    EXPECT_EQ(error_of(dns_reply({dns_record(longest, 1, 60, {10, 0, 0, 1})})),
              DnsError::malformed);
    EXPECT_EQ(error_of(dns_reply({dns_record({0x40, 'a', 0}, 1, 60, {10, 0, 0, 1})})),
              DnsError::malformed)
        << "reserved label types";
}

TEST(DnsMessage, WhatTheServerSaysIsPassedOn) {
    EXPECT_EQ(error_of(dns_reply({}, 0x8183)), DnsError::no_such_name);
    EXPECT_EQ(error_of(dns_reply({}, 0x8182)), DnsError::server_failed);
    EXPECT_EQ(error_of(dns_reply({}, 0x8185)), DnsError::server_failed);
    EXPECT_EQ(error_of(dns_reply({}, 0x8380)), DnsError::truncated);
    EXPECT_EQ(error_of(dns_reply({})), DnsError::no_address);
}

TEST(DnsMessage, AnswersToOtherQuestionsAreForeign) {
    const Bytes good = dns_reply({dns_record({0xC0, 12}, 1, 60, {10, 0, 0, 1})});
    EXPECT_EQ(error_of(good, "other.example"), DnsError::foreign);
    for (const auto& [at, value] : {std::pair{1, 0x35}, std::pair{2, 0x01}, std::pair{2, 0xA9}}) {
        Bytes bad = good;
        bad[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
        EXPECT_EQ(error_of(bad), DnsError::foreign) << at;
    }
}

TEST(DnsMessage, AddressesThatNoHostHasAreNotTaken) {
    const auto answer = parsed(dns_reply({dns_record({0xC0, 12}, 1, 60, {0, 0, 0, 0}),
                                          dns_record({0xC0, 12}, 1, 60, {224, 0, 0, 1}),
                                          dns_record({0xC0, 12}, 1, 60, {255, 255, 255, 255}),
                                          dns_record({0xC0, 12}, 1, 60, {10, 0, 0, 1})}));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->address, (Ipv4{10, 0, 0, 1}));
    EXPECT_EQ(error_of(dns_reply({dns_record({0xC0, 12}, 1, 60, {1, 2, 3})})), DnsError::malformed);
}

TEST(DnsMessage, EveryTruncationIsMalformedAndEveryBitFlipSurvived) {
    const Bytes good =
        dns_reply({dns_record({0xC0, 12}, 5, 60, joined({3, 't', 'w', 'o'}, {0xC0, 18})),
                   dns_record(joined({3, 't', 'w', 'o'}, {0xC0, 18}), 1, 60, {10, 0, 0, 2})});
    ASSERT_TRUE(parsed(good));
    for (std::size_t n = 0; n < good.size(); ++n) {
        const Bytes cut = slice(good, 0, n);  // a buffer of its own: asan sees a byte too many
        EXPECT_EQ(error_of(cut), DnsError::malformed) << n;
    }
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Bytes flipped = good;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        static_cast<void>(parsed(flipped));
    }
    std::mt19937 random{11};
    for (int i = 0; i < 50'000; ++i) {
        Bytes junk = slice(good, 0, 12 + random() % (good.size() - 11));
        for (unsigned k = random() % 8; k > 0; --k) {
            junk[random() % junk.size()] = static_cast<std::uint8_t>(random());
        }
        static_cast<void>(parsed(junk));
    }
}

}  // namespace dns_message_test
}  // namespace kyu::net::test
