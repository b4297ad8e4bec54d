#include "port/host/offload.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace kyu::host {

namespace {

using Frame = std::span<std::byte>;

// Ethernet, RFC 791 §3.1, RFC 9293 §3.1, RFC 768.
constexpr std::size_t kEtherBytes = 14;
constexpr std::size_t kIpBytes = 20;
constexpr std::size_t kIpLengthAt = 2;
constexpr std::size_t kIpFragmentAt = 6;
constexpr std::size_t kIpProtocolAt = 9;
constexpr std::size_t kIpChecksumAt = 10;
constexpr std::size_t kIpAddressesAt = 12;
constexpr unsigned kFragment = 0x3FFF;  // more to come, or not at the beginning
constexpr unsigned kTcp = 6;
constexpr unsigned kUdp = 17;

unsigned byte_at(Frame b, std::size_t at) { return std::to_integer<unsigned>(b[at]); }
unsigned get16(Frame b, std::size_t at) { return byte_at(b, at) << 8U | byte_at(b, at + 1); }
void put16(Frame b, std::size_t at, unsigned value) {
    b[at] = static_cast<std::byte>(value >> 8U);
    b[at + 1] = static_cast<std::byte>(value);
}

/// Sum of 16-bit words in the wire's order, not folded (RFC 1071).
std::uint64_t sum_of(Frame b) {
    std::uint64_t words = 0;  // as they lie in memory
    std::size_t at = 0;
    for (; at + 4 <= b.size(); at += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, b.data() + at, sizeof word);
        words += word;
    }
    while (words >> 16U != 0) words = (words & 0xFFFFU) + (words >> 16U);
    if constexpr (std::endian::native == std::endian::little) {
        words = (words & 0xFFU) << 8U | words >> 8U;
    }
    for (; at < b.size(); ++at) words += std::uint64_t{byte_at(b, at)} << (at % 2 == 0 ? 8U : 0U);
    return words;
}

unsigned complement_of(std::uint64_t sum) {
    while (sum >> 16U != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
    return ~static_cast<unsigned>(sum) & 0xFFFFU;
}

void complete_transport(Frame ip, Frame transport) {
    const unsigned protocol = byte_at(ip, kIpProtocolAt);
    const std::size_t at = protocol == kTcp ? 16 : 6;
    if ((protocol != kTcp && protocol != kUdp) || transport.size() < at + 2) return;
    put16(transport, at, 0);
    const std::uint64_t pseudo =
        sum_of(ip.subspan(kIpAddressesAt, 8)) + protocol + transport.size();
    const unsigned value = complement_of(pseudo + sum_of(transport));
    put16(transport, at, protocol == kUdp && value == 0 ? 0xFFFF : value);  // RFC 768: 0 is "none"
}

}  // namespace

void complete_checksums(std::span<std::byte> frame) {
    constexpr unsigned kIpv4 = 0x0800;
    if (frame.size() < kEtherBytes + kIpBytes || get16(frame, kEtherBytes - 2) != kIpv4) return;
    const Frame packet = frame.subspan(kEtherBytes);
    const std::size_t header = std::size_t{byte_at(packet, 0) & 0xFU} * 4;
    const std::size_t total = get16(packet, kIpLengthAt);
    if (header < kIpBytes || header > total || total > packet.size()) return;
    if ((get16(packet, kIpFragmentAt) & kFragment) == 0) {
        complete_transport(packet, packet.subspan(header, total - header));
    }
    put16(packet, kIpChecksumAt, 0);
    put16(packet, kIpChecksumAt, complement_of(sum_of(packet.first(header))));
}

}  // namespace kyu::host
