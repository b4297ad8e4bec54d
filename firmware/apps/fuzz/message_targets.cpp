// dhcp, dns, tftp: the messages of three servers, without a network.
//
// Rules     what a message was accepted for holds: an address that a host can have, a mask without
//           holes, times in order, lengths within what was agreed.
#include <bit>
#include <vector>

#include "apps/fuzz/input.hpp"
#include "apps/fuzz/target.hpp"
#include "net/dhcp_message.hpp"
#include "net/dns/message.hpp"
#include "net/tftp/message.hpp"

namespace kyu::fuzz {
namespace {

void expect_usable(net::Ipv4 address) {
    CHECK(!address.is_any() && !address.is_limited_broadcast() && !address.is_multicast());
}

}  // namespace

void dhcp(std::span<const std::uint8_t> bytes) {
    const Exact message{bytes};
    const auto reply = net::parse_dhcp(message.bytes());
    if (!reply) return;
    const auto lease = net::to_lease(*reply);
    if (!lease) return;
    expect_usable(lease->address);
    CHECK(lease->prefix_bits <= 32);
    CHECK(lease->endless ||
          (Duration{} < lease->t1 && lease->t1 < lease->t2 && lease->t2 < lease->length));
}

void dns(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    const std::uint16_t id = in.u16();
    const Exact text{in.take(in.u8())};
    const auto name = net::dns_name(text.text());
    if (!name) return;
    CHECK(name->size > 0 && name->size <= net::kDnsNameMax && name->bytes[name->size - 1] == 0);
    const net::DnsQuestion question = net::build_dns(id, *name);
    CHECK(question.size <= question.bytes.size());
    // A question is no answer, whoever sends it back.
    CHECK(!net::parse_dns(question.span(), id, *name));
    // The answer may begin with the question: that much an attacker knows.
    const bool begun = (in.u8() & 1U) != 0;
    std::vector<std::uint8_t> answer;
    if (begun) {
        for (const std::byte b : question.span()) answer.push_back(static_cast<std::uint8_t>(b));
        answer[2] |= 0x80U;
        const auto header = in.take(6);  // how many records, and what went wrong
        std::copy(header.begin(), header.end(), answer.begin() + 6);
    }
    const auto rest = in.take(600);
    answer.insert(answer.end(), rest.begin(), rest.end());
    const Exact message{answer};
    const auto parsed = net::parse_dns(message.bytes(), id, *name);
    if (parsed) expect_usable(parsed->address);
}

void tftp(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    net::TftpGet get{in.u32()};
    const Exact name{in.take(in.u8())};
    const bool asked = get.ask(name.text());
    CHECK(get.reply().size() <= 160);
    if (!asked) return;
    std::uint64_t taken = 0;
    while (!in.empty()) {
        const Exact packet{in.piece()};
        std::span<const std::byte> data;
        const auto event = get.take(packet.bytes(), data);
        touch(data);
        touch(get.reply());
        touch(std::as_bytes(std::span{get.text()}));
        if (event == net::TftpGet::Event::data || event == net::TftpGet::Event::finished) {
            taken += data.size();
        } else {
            CHECK(data.empty());
        }
        CHECK(taken == get.bytes());
        CHECK(data.size() <= get.block_size());
        CHECK(get.block_size() >= 8 && get.block_size() <= net::kTftpBlockWanted);
        if (event == net::TftpGet::Event::finished || event == net::TftpGet::Event::refused ||
            event == net::TftpGet::Event::failed) {
            return;
        }
    }
}

}  // namespace kyu::fuzz
