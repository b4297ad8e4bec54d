// ping, arping, garp, dns, tftp: what the board asks of other hosts.
//
// Context   the shell's thread; ctrl-C ends what repeats.
#include "base/crc32.hpp"
#include "net/dns/resolver.hpp"
#include "net/ping.hpp"
#include "net/tftp/client.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

using namespace time_literals;

constexpr std::uint32_t kRoundsMax = 1'000'000;

/// The address of a host by name or digits; complains when there is none.
std::optional<net::Ipv4> find_host(ThreadContext& self, ShellParts& parts, std::string_view name) {
    const auto found = net::dns_resolve(parts.net, self, name, net::dns_servers(parts.net, self));
    if (found) return *found;
    parts.console.print(self, "{}: {}\n", name, net::to_text(found.error()));
    return {};
}

TextBuffer<16> text_of(net::Ipv4 address) {
    TextBuffer<16> text;
    print_to(text, address);
    return text;
}

/// A number at `index`, or `otherwise` when there is none; nothing when it is out of range.
std::optional<std::uint32_t> number_at(Words words, std::size_t index, std::uint32_t otherwise,
                                       std::uint32_t max) {
    if (words.size() <= index) return otherwise;
    const auto number = parse_u32(words[index]);
    return number && *number <= max ? number : std::nullopt;
}

void ping_once(ThreadContext& self, ShellParts& parts, net::Pinger& pinger, std::uint16_t sequence,
               std::size_t bytes, unsigned& answered) {
    const Instant start = self.now();
    const auto sent = pinger.send(self, sequence, bytes);
    if (!sent) return parts.console.print(self, "seq={} {}\n", sequence, to_text(sent.error()));
    const auto answer = pinger.receive(self, start + 1_s);
    if (!answer) return parts.console.print(self, "seq={} {}\n", sequence, to_text(answer.error()));
    const bool right = answer->intact && answer->bytes == bytes && answer->sequence == sequence;
    answered += right ? 1 : 0;
    parts.console.print(self, "{} bytes seq={} ttl={} time={} us{}\n", answer->bytes,
                        answer->sequence, answer->ttl, (answer->at - start).us(),
                        right ? "" : " wrong");
}

void ping(ThreadContext& self, ShellParts& parts, Words words) {
    const auto count = number_at(words, 1, 4, kRoundsMax);
    const auto bytes = number_at(words, 2, 56, net::kPingBytesMax);
    if (words.empty() || words.size() > 3 || !count || !bytes) {
        return parts.console.print(self, "ping HOST [COUNT [BYTES]]: 0 to {} bytes\n",
                                   net::kPingBytesMax);
    }
    const auto target = find_host(self, parts, words[0]);
    if (!target) return;
    net::Pinger pinger;
    if (!pinger.open(parts.net, self, *target)) {
        return parts.console.print(self, "too many pings at once\n");
    }
    std::uint32_t sent = 0;
    unsigned answered = 0;
    while (sent < *count && !parts.console.take_interrupt(self)) {
        const Instant next = self.now() + 100_ms;
        ping_once(self, parts, pinger, static_cast<std::uint16_t>(++sent), *bytes, answered);
        if (sent < *count) self.sleep_until(next);
    }
    pinger.close(self);
    parts.console.print(self, "{}: {} sent, {} answered\n", text_of(*target).view(), sent,
                        answered);
}

void arping(ThreadContext& self, ShellParts& parts, Words words) {
    const auto target = words.size() == 1 ? net::parse_ipv4(words[0]) : std::nullopt;
    if (!target) return parts.console.print(self, "arping ADDRESS\n");
    const Instant start = self.now();
    const auto mac = net::arp_ping(parts.net, self, *target, start + 1_s);
    if (!mac) {
        return parts.console.print(self, "{}: {}\n", words[0], net::to_text(mac.error()));
    }
    TextBuffer<18> text;
    print_to(text, *mac);
    parts.console.print(self, "{} is at {}, {} us\n", words[0], text.view(),
                        (self.now() - start).us());
}

void gratuitous_arp(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    {
        net::NetGuard guard(parts.net, self);
        arp_announce(*guard);
    }
    parts.console.print(self, "announced\n");
}

void dns(ThreadContext& self, ShellParts& parts, Words words) {
    const auto server = words.size() == 2 ? net::parse_ipv4(words[1]) : std::nullopt;
    if (words.empty() || words.size() > 2 || (words.size() == 2 && !server)) {
        return parts.console.print(self, "dns NAME [SERVER]: the server by its address\n");
    }
    const auto servers = server ? net::DnsServers{*server} : net::dns_servers(parts.net, self);
    const auto found = net::dns_resolve(parts.net, self, words[0], servers);
    if (!found) {
        return parts.console.print(self, "{}: {}\n", words[0], net::to_text(found.error()));
    }
    parts.console.print(self, "{} is {}\n", words[0], text_of(*found).view());
}

void tftp(ThreadContext& self, ShellParts& parts, Words words) {
    constexpr std::uint64_t kBytesMax = 64 * 1024 * 1024;
    if (words.size() != 2) return parts.console.print(self, "tftp HOST FILE\n");
    const auto server = find_host(self, parts, words[0]);
    if (!server) return;
    Crc32 crc;
    const net::TftpSink sink{
        [](void* to, std::span<const std::byte> bytes) { static_cast<Crc32*>(to)->add(bytes); },
        &crc, kBytesMax};
    net::TftpGet get{kBytesMax};
    const Instant start = self.now();
    const auto done = net::tftp_get(parts.net, self, *server, words[1], sink, get);
    if (!done) {
        return parts.console.print(self, "{}: {}{}{}\n", words[1], net::to_text(done.error()),
                                   get.text().empty() ? "" : ": ", get.text());
    }
    parts.console.print(self, "{}: {} bytes, crc32 {:08x}, blocks of {}, {} ms\n", words[1],
                        get.bytes(), crc.value(), get.block_size(), (self.now() - start).ms());
}

}  // namespace

std::span<const ShellCommand> client_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"ping", "", "HOST [N [BYTES]]", "ICMP echoes, checked", ping},
        ShellCommand{"arping", "", "ADDRESS", "who has it, asked now", arping},
        ShellCommand{"garp", "", "", "announce our address", gratuitous_arp},
        ShellCommand{"dns", "", "NAME [SERVER]", "the address of a name", dns},
        ShellCommand{"tftp", "", "HOST FILE", "fetch a file: length and checksum", tftp},
    };
    return kCommands;
}

}  // namespace kyu
