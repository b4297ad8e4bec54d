// SYN options in the order and padding of FreeBSD or Linux.
//
// Context   any. Pure.
#include "port/packetdrill/layout.hpp"

#include <cstdint>
#include <span>

#include "port/packetdrill/ip_packet.hpp"

namespace kyu::packetdrill {
namespace {

constexpr std::byte kEnd{0};
constexpr std::byte kNop{1};
constexpr std::byte kMss{2};
constexpr std::byte kScale{3};
constexpr std::byte kSackPermitted{4};
constexpr std::byte kTimestamps{8};

struct SynOptions {
    Bytes mss{};
    Bytes scale{};
    Bytes sack{};
    Bytes timestamps{};
};

/// False: there is an option that is not one of ours.
bool read(std::span<const std::byte> options, SynOptions& to) {
    while (!options.empty()) {
        if (options[0] == kEnd) return true;
        if (options[0] == kNop) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < 2) return false;
        const auto size = std::to_integer<std::size_t>(options[1]);
        if (size < 2 || size > options.size()) return false;
        const Bytes option(options.begin(), options.begin() + static_cast<std::ptrdiff_t>(size));
        if (options[0] == kMss) {
            to.mss = option;
        } else if (options[0] == kScale) {
            to.scale = option;
        } else if (options[0] == kSackPermitted) {
            to.sack = option;
        } else if (options[0] == kTimestamps) {
            to.timestamps = option;
        } else {
            return false;
        }
        options = options.subspan(size);
    }
    return true;
}

void put(Bytes& to, const Bytes& option) { to.insert(to.end(), option.begin(), option.end()); }

/// NOPs until the next byte's offset is `rest` modulo `of`.
void align(Bytes& to, std::size_t rest, std::size_t of) {
    while (to.size() % of != rest) to.push_back(kNop);
}

Bytes as_freebsd(const SynOptions& o) {
    Bytes out;
    put(out, o.mss);
    if (!o.scale.empty()) align(out, 1, 2);
    put(out, o.scale);
    if (!o.sack.empty()) align(out, 0, 2);
    put(out, o.sack);
    if (!o.timestamps.empty()) align(out, 2, 4);
    put(out, o.timestamps);
    while (out.size() % 4 != 0) out.push_back(kEnd);
    return out;
}

Bytes as_linux(const SynOptions& o) {
    Bytes out;
    put(out, o.mss);
    // What would be padding before the timestamps holds the SACK option.
    if (!o.sack.empty() && o.timestamps.empty()) align(out, 2, 4);
    put(out, o.sack);
    if (!o.timestamps.empty()) align(out, 2, 4);
    put(out, o.timestamps);
    if (!o.scale.empty()) align(out, 1, 4);
    put(out, o.scale);
    return out;
}

}  // namespace

void lay_out(std::vector<std::byte>& packet, System system) {
    constexpr unsigned kSyn = 2;
    if (!is_plain_tcp(packet)) return;
    if ((std::to_integer<unsigned>(packet[kIpBytes + 13]) & kSyn) == 0) return;
    const std::size_t header = std::to_integer<std::size_t>(packet[kIpBytes + 12] >> 4) * 4;
    if (header <= kTcpBytes || packet.size() != kIpBytes + header) return;
    SynOptions options;
    if (!read(std::span{packet}.subspan(kIpBytes + kTcpBytes), options)) return;
    const Bytes laid = system == System::freebsd ? as_freebsd(options) : as_linux(options);
    packet.resize(kIpBytes + kTcpBytes);
    put(packet, laid);
    packet[kIpBytes + 12] = static_cast<std::byte>((kTcpBytes + laid.size()) / 4 << 4U);
    finish(packet);
}

}  // namespace kyu::packetdrill
