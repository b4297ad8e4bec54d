// DHCP messages, in and out.
//
// Context   any. Pure.
#include "net/dhcp_message.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/endian.hpp"
#include "net/wire/view.hpp"

namespace kyu::net {

namespace {

/// RFC 2131 §2, figure 1, with the magic cookie of RFC 2132 §2 at its end.
struct BootpHeader {
    static constexpr std::uint8_t kRequest = 1;
    static constexpr std::uint8_t kReply = 2;
    static constexpr std::uint16_t kBroadcastFlag = 0x8000;
    static constexpr std::uint32_t kCookie = 0x63825363;

    std::uint8_t operation;
    std::uint8_t hardware;
    std::uint8_t hardware_bytes;
    std::uint8_t hops;
    Be32 xid;
    Be16 seconds;
    Be16 flags;
    Be32 client_address;
    Be32 your_address;
    Be32 server_address;
    Be32 relay_address;
    MacAddress client;
    std::array<std::byte, 10> client_padding;
    std::array<std::byte, 64> server_name;
    std::array<std::byte, 128> file;
    Be32 cookie;
};
static_assert(sizeof(BootpHeader) == 240 && alignof(BootpHeader) == 1);

enum class Option : std::uint8_t {
    pad = 0,
    subnet_mask = 1,
    router = 3,
    dns = 6,
    requested_address = 50,
    lease_time = 51,
    overload = 52,
    message_type = 53,
    server = 54,
    wanted = 55,
    longest_message = 57,
    renewal_time = 58,
    rebinding_time = 59,
    client_id = 61,
    end = 255
};

/// What has been read, and which options have been there: the first of each kind counts.
struct OptionReader {
    DhcpReply reply;
    std::array<bool, 256> seen{};
    std::uint8_t overload{0};

    static Ipv4 address(std::span<const std::byte> value) { return Ipv4{*header_at<Be32>(value)}; }
    static std::uint32_t number(std::span<const std::byte> value) {
        return header_at<Be32>(value)->host();
    }

    /// False: the value does not have the length that its option must have (RFC 2132).
    bool take(Option option, std::span<const std::byte> value) {
        const std::size_t n = value.size();
        switch (option) {
            case Option::message_type:
                if (n != 1) return false;
                reply.type = static_cast<DhcpType>(value[0]);
                return true;
            case Option::overload:
                if (n != 1) return false;
                overload = std::to_integer<std::uint8_t>(value[0]);
                return overload >= 1 && overload <= 3;
            case Option::subnet_mask:
                if (n != 4) return false;
                reply.has_mask = true;
                reply.mask = address(value);
                return true;
            case Option::router:
                if (n < 4 || n % 4 != 0) return false;
                reply.router = address(value);
                return true;
            case Option::dns:
                if (n < 4 || n % 4 != 0) return false;
                for (std::size_t i = 0; i < kDnsServers && 4 * i < n; ++i) {
                    reply.dns[i] = address(value.subspan(4 * i));
                }
                return true;
            case Option::server:
                if (n != 4) return false;
                reply.server = address(value);
                return true;
            case Option::lease_time:
                if (n != 4) return false;
                reply.has_lease = true;
                reply.lease_s = number(value);
                return true;
            case Option::renewal_time:
                if (n != 4) return false;
                reply.t1_s = number(value);
                return true;
            case Option::rebinding_time:
                if (n != 4) return false;
                reply.t2_s = number(value);
                return true;
            default: return true;  // not asked for, or not for a client
        }
    }

    /// Reads an option area up to its end mark. False: it is malformed.
    bool read(std::span<const std::byte> area) {
        while (!area.empty()) {
            const auto option = static_cast<Option>(area[0]);
            if (option == Option::end) return true;
            area = area.subspan(1);
            if (option == Option::pad) continue;
            if (area.empty()) return false;
            const auto length = std::to_integer<std::size_t>(area[0]);
            area = area.subspan(1);
            if (length > area.size()) return false;
            bool& before = seen[static_cast<std::size_t>(option)];
            if (!before && !take(option, area.first(length))) return false;
            before = true;
            area = area.subspan(length);
        }
        return false;  // RFC 2132 §3.2: without its mark nobody knows whether this was all
    }
};

/// RFC 791 classes: what a mask was before there were masks.
std::uint8_t natural_prefix(Ipv4 address) {
    const std::uint32_t top = address.host >> 30U;
    if (top < 2) return 8;
    return top == 2 ? 16 : 24;
}

}  // namespace

Result<DhcpReply, Drop> parse_dhcp(std::span<const std::byte> message) {
    const auto* header = header_at<BootpHeader>(message);
    if (header == nullptr || header->operation != BootpHeader::kReply || header->hardware != 1 ||
        header->hardware_bytes != 6 || header->cookie.host() != BootpHeader::kCookie) {
        return Drop::dhcp_malformed;
    }
    OptionReader reader;
    reader.reply.xid = header->xid.host();
    reader.reply.client = header->client;
    reader.reply.your_address = Ipv4{header->your_address};
    if (!reader.read(message.subspan(sizeof(BootpHeader)))) return Drop::dhcp_malformed;
    // RFC 2131 §4.1: the file field, then the server name, may carry options too. Only the first
    // area's overload option counts: these two cannot name each other again.
    const std::uint8_t overload = reader.overload;
    if ((overload & 1U) != 0 && !reader.read(header->file)) return Drop::dhcp_malformed;
    if ((overload & 2U) != 0 && !reader.read(header->server_name)) return Drop::dhcp_malformed;
    if (!reader.seen[static_cast<std::size_t>(Option::message_type)]) return Drop::dhcp_malformed;
    return reader.reply;
}

Result<DhcpLease, Drop> to_lease(const DhcpReply& reply) {
    constexpr std::uint32_t kForEver = 0xFFFFFFFF;
    const Ipv4 a = reply.your_address;
    if (reply.server.is_any() || !reply.has_lease || reply.lease_s == 0) {
        return Drop::dhcp_bad_offer;
    }
    if (a.is_any() || a.is_multicast() || a.is_loopback() || a.is_limited_broadcast()) {
        return Drop::dhcp_bad_offer;
    }
    DhcpLease lease;
    lease.address = a;
    lease.server = reply.server;
    lease.dns = reply.dns;
    lease.prefix_bits = natural_prefix(a);
    if (reply.has_mask) {
        const std::uint32_t mask = reply.mask.host;
        // Contiguous: the inverted mask is one less than a power of two.
        if (mask == 0 || (~mask & (~mask + 1)) != 0) return Drop::dhcp_bad_offer;
        lease.prefix_bits = static_cast<std::uint8_t>(std::popcount(mask));
    }
    const std::uint32_t hosts =
        lease.prefix_bits >= 32 ? 0 : ~std::uint32_t{0} >> lease.prefix_bits;
    const std::uint32_t host_part = a.host & hosts;
    if (lease.prefix_bits < 31 && (host_part == 0 || host_part == hosts)) {
        return Drop::dhcp_bad_offer;
    }
    const bool router_on_link = ((reply.router.host ^ a.host) & ~hosts) == 0;
    if (router_on_link && reply.router != a) lease.gateway = reply.router;
    lease.endless = reply.lease_s == kForEver;
    lease.length = Duration::from_s(reply.lease_s);
    lease.t1 = Duration::from_s(reply.t1_s);
    lease.t2 = Duration::from_s(reply.t2_s);
    const bool absent = reply.t1_s == 0 || reply.t2_s == 0;
    if (absent || !(lease.t1 < lease.t2 && lease.t2 < lease.length)) {
        // RFC 2131 §4.4.5. Not in whole seconds: also of one second there are two parts.
        lease.t1 = lease.length / 2;
        lease.t2 = lease.length * 7 / 8;
    }
    return lease;
}

namespace {

/// Writes options one after the other; the caller knows that they fit.
struct Writer {
    std::span<std::byte> left;

    void byte(std::uint8_t value) {
        left[0] = std::byte{value};
        left = left.subspan(1);
    }
    void head(Option option, std::uint8_t length) {
        byte(static_cast<std::uint8_t>(option));
        byte(length);
    }
    void address(Option option, Ipv4 value) {
        if (value.is_any()) return;
        head(option, 4);
        for (unsigned shift = 32; shift > 0; shift -= 8) {
            byte(static_cast<std::uint8_t>(value.host >> (shift - 8)));
        }
    }
};

}  // namespace

std::array<std::byte, kDhcpQuestionBytes> build_dhcp(const DhcpQuestion& question) {
    std::array<std::byte, kDhcpQuestionBytes> message{};
    auto& header = *header_at<BootpHeader>(std::span<std::byte>{message});
    header.operation = BootpHeader::kRequest;
    header.hardware = 1;
    header.hardware_bytes = 6;
    header.xid = Be32{question.xid};
    header.seconds = Be16{question.seconds};
    // Without an address this host can only be reached by broadcast (RFC 2131 §4.1).
    header.flags =
        Be16{question.client_address.is_any() ? BootpHeader::kBroadcastFlag : std::uint16_t{0}};
    header.client_address = question.client_address.wire();
    header.client = question.client;
    header.cookie = Be32{BootpHeader::kCookie};
    // 3 + 9 + 6 + 6 + 8 + 4 + 1 bytes at most, of 60.
    Writer writer{std::span<std::byte>{message}.subspan(sizeof(BootpHeader))};
    if (question.type != DhcpType::none) {
        writer.head(Option::message_type, 1);
        writer.byte(static_cast<std::uint8_t>(question.type));
    }
    writer.head(Option::client_id, 7);
    writer.byte(1);
    for (const std::uint8_t b : question.client.bytes) writer.byte(b);
    writer.address(Option::requested_address, question.requested_address);
    writer.address(Option::server, question.server);
    constexpr std::array kWanted{Option::subnet_mask, Option::router,       Option::dns,
                                 Option::lease_time,  Option::renewal_time, Option::rebinding_time};
    writer.head(Option::wanted, kWanted.size());
    for (const Option option : kWanted) writer.byte(static_cast<std::uint8_t>(option));
    constexpr std::uint16_t kLongest = 1472;  // one unfragmented frame
    writer.head(Option::longest_message, 2);
    writer.byte(static_cast<std::uint8_t>(kLongest >> 8U));
    writer.byte(static_cast<std::uint8_t>(kLongest & 0xFFU));
    writer.byte(static_cast<std::uint8_t>(Option::end));
    return message;
}

}  // namespace kyu::net
