// The rows of the menu n: what the network around the board answers.
//
// Context   the shell's thread (services/selftest/selftest.hpp).
// Rules     Whoever is not there is skipped, not failed: a board on a bare wire is no broken board.
//           What answers, answers right.
#include <algorithm>
#include <array>
#include <utility>

#include "net/dns/resolver.hpp"
#include "net/net.hpp"
#include "net/ping.hpp"
#include "net/show.hpp"
#include "net/tftp/client.hpp"
#include "net/udp_socket.hpp"
#include "services/selftest/selftest.hpp"
#include "services/udp_echo/udp_echo.hpp"

namespace kyu::selftest {
namespace {

using namespace time_literals;

/// The neighbour that everything is asked of: the gateway, or the server that gave the address.
net::Ipv4 neighbour(ThreadContext& self, Run& run) {
    net::NetGuard guard(run.net(), self);
    if (!guard->interface.gateway.is_any()) return guard->interface.gateway;
    return guard->dhcp.lease.server;
}

net::Ipv4 own_address(ThreadContext& self, Run& run) {
    net::NetGuard guard(run.net(), self);
    return guard->interface.address;
}

/// Whether the neighbour is there; otherwise the test is skipped.
bool find_neighbour(ThreadContext& self, Run& run, net::Ipv4& address, net::MacAddress& mac) {
    address = neighbour(self, run);
    if (address.is_any()) {
        run.skip("no gateway");
        return false;
    }
    const auto found = net::arp_ping(run.net(), self, address, self.now() + 1_s);
    if (found) {
        mac = *found;
        return true;
    }
    run.skip("the gateway does not answer ARP");
    return false;
}

void test_net_show(ThreadContext& self, Run& run) {
    TextBuffer<1024> page;
    {
        net::NetGuard guard(run.net(), self);
        print_interfaces(page, *guard);
    }
    run.say(self, "{}", page.view());
    run.expect(!own_address(self, run).is_any(), "the board has an address");
}

void test_arp_ping(ThreadContext& self, Run& run) {
    net::Ipv4 address;
    net::MacAddress mac;
    if (!find_neighbour(self, run, address, mac)) return;
    TextBuffer<48> text;
    print_to(text, address);
    text.put(" is at ");
    print_to(text, mac);
    run.say(self, "  {}\n", text.view());
    run.expect(!mac.is_group(), "a neighbour is one host");
}

/// Sends a question from port 68 and waits for a reply to it. False: skipped.
bool ask_for_address(ThreadContext& self, Run& run, net::DhcpType type, std::span<std::byte> reply,
                     std::size_t& size) {
    auto opened = net::UdpSocket::open(run.net(), self, net::kDhcpClientPort);
    if (!opened) {
        run.skip("the DHCP client has the port");
        return false;
    }
    net::UdpSocket socket = std::move(opened).value();
    net::DhcpQuestion question{.type = type};
    {
        net::NetGuard guard(run.net(), self);
        question.client = guard->interface.mac;
        question.xid = guard->random.next_u32();
    }
    socket.allow_broadcast(self, true);
    const auto message = build_dhcp(question);
    size = 0;
    if (socket.send_to(self, {net::Ipv4{0xFFFFFFFF}, net::kDhcpServerPort}, message)) {
        const Instant deadline = self.now() + 2_s;
        for (;;) {
            const auto got = socket.receive(self, reply, deadline);
            if (!got) break;
            // Operation and transaction lie at the same place in both directions (RFC 951 §3).
            const bool ours = got->bytes >= 236 && reply[0] == std::byte{2} &&
                              std::equal(reply.begin() + 4, reply.begin() + 8, message.begin() + 4);
            if (!ours) continue;
            size = std::min(got->bytes, reply.size());
            break;
        }
    }
    socket.close(self);
    if (size == 0) run.skip("no server answers");
    return size != 0;
}

void test_bootp(ThreadContext& self, Run& run) {
    std::array<std::byte, 600> reply{};
    std::size_t size = 0;
    if (!ask_for_address(self, run, net::DhcpType::none, reply, size)) return;
    run.say(self, "  {} bytes, address {}.{}.{}.{}\n", size, std::to_integer<unsigned>(reply[16]),
            std::to_integer<unsigned>(reply[17]), std::to_integer<unsigned>(reply[18]),
            std::to_integer<unsigned>(reply[19]));
}

void test_dhcp(ThreadContext& self, Run& run) {
    {
        net::NetGuard guard(run.net(), self);
        if (guard->dhcp.state == net::DhcpClient::State::bound) {
            run.expect(guard->interface.address == guard->dhcp.lease.address,
                       "the leased address is the one in use");
            return;
        }
    }
    std::array<std::byte, 600> reply{};
    std::size_t size = 0;
    if (!ask_for_address(self, run, net::DhcpType::discover, reply, size)) return;
    const auto offer = net::parse_dhcp(std::span{reply}.first(size));
    if (!run.expect(offer.has_value(), "the answer is a DHCP message")) return;
    run.expect(offer->type == net::DhcpType::offer && to_lease(*offer).has_value(),
               "it offers a lease that can be used");
}

void test_ping(ThreadContext& self, Run& run) {
    net::Ipv4 address;
    net::MacAddress mac;
    if (!find_neighbour(self, run, address, mac)) return;
    net::Pinger pinger;
    if (!pinger.open(run.net(), self, address)) return run.skip("too many pings at once");
    std::uint16_t sequence = 0;
    for (const std::uint32_t bytes : {0U, 56U, 1472U, 1473U, 8000U}) {
        const Instant start = self.now();
        const auto sent = pinger.send(self, ++sequence, bytes);
        const auto answer = pinger.receive(self, start + 1_s);
        if (!sent || !answer) {
            run.fail("{} bytes are not answered", bytes);
            break;
        }
        run.expect(answer->intact && answer->bytes == bytes && answer->sequence == sequence,
                   "what comes back is what was sent");
        run.say(self, "  {} bytes in {} us\n", bytes, (answer->at - start).us());
    }
    pinger.close(self);
}

void test_dns(ThreadContext& self, Run& run) {
    const auto found =
        net::dns_resolve(run.net(), self, "kyu.test", net::dns_servers(run.net(), self));
    if (found) {
        TextBuffer<16> text;
        print_to(text, *found);
        return run.say(self, "  kyu.test is {}\n", text.view());
    }
    const net::DnsError why = found.error();
    run.say(self, "  kyu.test: {}\n", to_text(why));
    if (why == net::DnsError::no_server || why == net::DnsError::no_answer) {
        return run.skip("no name server");
    }
    run.expect(why != net::DnsError::malformed, "the server's answer can be read");
}

void test_gratuitous_arp(ThreadContext& self, Run& run) {
    std::uint64_t sent = 0;
    std::uint64_t conflicts = 0;
    {
        net::NetGuard guard(run.net(), self);
        sent = guard->stats.arp_requests_out;
        conflicts = guard->stats.drops(net::Drop::arp_conflict);
        arp_announce(*guard);
        sent = guard->stats.arp_requests_out - sent;
    }
    self.sleep_for(100_ms);
    net::NetGuard guard(run.net(), self);
    run.expect(sent == 1, "our address is announced");
    run.expect(guard->stats.drops(net::Drop::arp_conflict) == conflicts, "nobody objects");
}

void test_tftp(ThreadContext& self, Run& run) {
    net::Ipv4 address;
    net::MacAddress mac;
    if (!find_neighbour(self, run, address, mac)) return;
    constexpr std::uint64_t kBytesMax = 16 * 1024 * 1024;
    const net::TftpSink nowhere{[](void*, std::span<const std::byte>) {}, nullptr, kBytesMax};
    net::TftpGet get{kBytesMax};
    const auto done = net::tftp_get(run.net(), self, address, "kyu.test", nowhere, get);
    if (done) {
        run.say(self, "  kyu.test: {} bytes in blocks of {}\n", get.bytes(), get.block_size());
        run.expect(get.size() == 0 || get.size() == get.bytes(), "as many bytes as announced");
        return;
    }
    run.say(self, "  kyu.test: {} {}\n", to_text(done.error()), get.text());
    if (done.error() == net::TftpError::refused) return;  // it is there, and has no such file
    run.skip("no TFTP server");
}

/// Sends datagrams of several sizes to `to` and wants them back.
void there_and_back(ThreadContext& self, Run& run, std::uint16_t port, net::Endpoint to) {
    auto opened = net::UdpSocket::open(run.net(), self, port);
    if (!opened) return run.fail("no port: {}", net::to_text(opened.error()));
    net::UdpSocket socket = std::move(opened).value();
    if (to.port == 0) to.port = socket.port(self);
    const std::span<std::byte> memory = run.bench().spare_stack();
    const std::span<std::byte> out = memory.first(memory.size() / 2);
    const std::span<std::byte> in = memory.subspan(out.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i * 7);
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{1472}, std::size_t{1473}, out.size()}) {
        const auto sent = socket.send_to(self, to, out.first(size));
        const auto got = socket.receive(self, in, self.now() + kPatience);
        const bool same =
            sent && got && got->bytes == size && got->from == to &&
            std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size), in.begin());
        if (!same) {
            run.fail("{} bytes do not come back", size);
            break;
        }
    }
    socket.close(self);
}

void test_udp(ThreadContext& self, Run& run) {
    there_and_back(self, run, 0, {net::Ipv4{127, 0, 0, 1}, 0});
}

void test_udp_echo(ThreadContext& self, Run& run) {
    const net::Ipv4 own = own_address(self, run);
    if (own.is_any()) return run.skip("no address");
    there_and_back(self, run, 0, {own, kUdpEchoPort});
}

void test_net_debug(ThreadContext& self, Run& run) {
    unsigned& level = run.bench().net_debug;
    level = (level + 1) % 3;
    constexpr std::array<std::string_view, 3> kMeaning{"tests say what they say",
                                                       "and which packets were dropped meanwhile",
                                                       "and every counter that has moved"};
    run.say(self, "  level {}: {}\n", level, kMeaning[level]);
}

}  // namespace

std::span<const Test> network_tests() {
    static constexpr std::array<Test, 11> kTests{{
        {"show", "interface, address, link", test_net_show},
        {"arp-ping", "the gateway's MAC address", test_arp_ping},
        {"bootp", "a plain BOOTP request", test_bootp},
        {"dhcp", "the lease, or an offer", test_dhcp},
        {"ping", "ICMP echoes to the gateway", test_ping},
        {"dns", "asks for kyu.test", test_dns},
        {"garp", "announces our address", test_gratuitous_arp},
        {"tftp-get", "asks the gateway for kyu.test", test_tftp},
        {"udp", "datagrams to ourselves", test_udp},
        {"udp-echo", "the echo service, port 7", test_udp_echo},
        {"debug", "the next debug level: 0, 1, 2", test_net_debug},
    }};
    return kTests;
}

}  // namespace kyu::selftest
