#include "apps/fuzz/fuzz_board.hpp"

namespace kyu::fuzz {

using namespace net::test;

namespace {

/// Where the transport's checksum lies; 0: this protocol has none that we know.
std::size_t checksum_at(unsigned protocol) {
    switch (protocol) {
        case 1:
        case 2: return 2;
        case 6: return 16;
        case 17: return 6;
        default: return 0;
    }
}

bool has_pseudo_header(unsigned protocol) { return protocol == 6 || protocol == 17; }

std::uint16_t transport_sum(const Bytes& ip, std::size_t header) {
    const Bytes body = slice(ip, header);
    if (!has_pseudo_header(ip[9])) return plain_checksum(body);
    const net::Ipv4 source{get32(ip, 12)};
    const net::Ipv4 destination{get32(ip, 16)};
    return plain_checksum(joined(pseudo_header(source, destination, ip[9], body.size()), body));
}

}  // namespace

std::uint16_t plain_checksum(const Bytes& bytes) {
    const std::uint8_t* at = bytes.data();
    std::uint64_t sum = 0;
    for (std::size_t left = bytes.size(); left > 1; left -= 2, at += 2) {
        sum += unsigned{at[0]} << 8U | at[1];
    }
    if (bytes.size() % 2 != 0) sum += unsigned{*at} << 8U;
    while ((sum >> 16U) != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

void mend(Bytes& frame, unsigned how) {
    if (frame.size() < kEther + kIp || get16(frame, 12) != 0x0800) return;
    Bytes ip = slice(frame, kEther);
    const std::size_t header = (ip[0] & 0xFU) * std::size_t{4};
    if (header < kIp || header > ip.size()) return;
    const bool whole = (get16(ip, 6) & 0x3FFFU) == 0;
    const std::size_t at = header + checksum_at(ip[9]);
    if ((how & 2U) != 0 && whole && at > header && at + 2 <= ip.size()) {
        put16(ip, at, 0);
        put16(ip, at, transport_sum(ip, header));
    }
    if ((how & 1U) != 0) {
        put16(ip, 2, static_cast<unsigned>(ip.size()));
        fix_ip(ip);
    }
    std::copy(ip.begin(), ip.end(), frame.begin() + static_cast<std::ptrdiff_t>(kEther));
}

void expect_whole(const Bytes& frame) {
    CHECK(frame.size() >= kEther && frame.size() <= kEther + 1500);
    if (get16(frame, 12) != 0x0800) return;
    CHECK(frame.size() >= kEther + kIp);
    const Bytes ip = slice(frame, kEther, get16(frame, kEther + 2));
    const std::size_t header = (ip[0] & 0xFU) * std::size_t{4};
    CHECK(ip.size() == get16(ip, 2) && header >= kIp && header <= ip.size());
    CHECK(slow_checksum(slice(ip, 0, header)) == 0);
    const bool fragment = (get16(ip, 6) & 0x3FFFU) != 0;
    const bool none = ip[9] == 17 && ip.size() >= header + 8 && get16(ip, header + 6) == 0;
    if (!fragment && !none && checksum_at(ip[9]) != 0) CHECK(transport_sum(ip, header) == 0);
}

}  // namespace kyu::fuzz
