// The resolver's conversation, and its memory.
//
// Context   threads; the cache under the network lock.
#include "net/dns/resolver.hpp"

#include <algorithm>
#include <utility>

#include "net/dns/cache.hpp"
#include "net/net.hpp"
#include "net/udp_socket.hpp"

namespace kyu::net {

namespace {

/// The cache knows names in small letters, without a dot at the end. Empty: too long to be kept.
struct Key {
    std::array<char, kDnsCacheName> text{};
    std::size_t size{0};

    explicit Key(std::string_view name) {
        if (name.ends_with('.')) name.remove_suffix(1);
        if (name.size() > text.size()) return;
        for (const char c : name) {
            text[size++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        }
    }
    [[nodiscard]] std::string_view view() const { return {text.data(), size}; }
};

/// Whether another server, or the same later, may say something better.
bool worth_another_try(DnsError error) {
    return error == DnsError::no_answer || error == DnsError::server_failed ||
           error == DnsError::malformed;
}

/// The socket's answers, until one is to the question.
Result<DnsAnswer, DnsError> await(ThreadContext& self, Net& net, UdpSocket& socket,
                                  std::uint16_t id, const DnsName& name, Instant deadline) {
    std::array<std::byte, kDnsMessageMax> buffer{};
    for (;;) {
        const auto got = socket.receive(self, buffer, deadline);
        if (!got) return DnsError::no_answer;
        // What does not fit was not asked for: no larger size was offered.
        auto answer = got->bytes > buffer.size()
                          ? Result<DnsAnswer, DnsError>{DnsError::malformed}
                          : parse_dns(std::span{buffer}.first(got->bytes), id, name);
        if (answer ||
            (answer.error() != DnsError::foreign && answer.error() != DnsError::malformed)) {
            return answer;
        }
        NetGuard guard{net, self};
        guard->stats.count(answer.error() == DnsError::foreign ? Drop::dns_foreign
                                                               : Drop::dns_malformed);
    }
}

Result<DnsAnswer, DnsError> ask(ThreadContext& self, Net& net, Ipv4 server, const DnsName& name) {
    auto opened = UdpSocket::open(net, self, 0);
    if (!opened) return DnsError::no_answer;
    UdpSocket socket = std::move(opened).value();
    std::uint16_t id = 0;
    {
        NetGuard guard{net, self};
        id = guard->random.next_u16();
        ++guard->dns.questions;
    }
    Result<DnsAnswer, DnsError> answer{DnsError::no_answer};
    if (socket.connect(self, {server, kDnsPort}) && socket.send(self, build_dns(id, name).span())) {
        answer = await(self, net, socket, id, name, self.now() + kDnsTry);
    }
    socket.close(self);
    return answer;
}

}  // namespace

std::optional<Ipv4> dns_lookup(LockedNet& net, std::string_view name) {
    for (const DnsState::Entry& e : net.dns.entries) {
        if (e.size == 0 || std::string_view{e.name.data(), e.size} != name) continue;
        if (e.ends <= net.now()) return {};
        ++net.dns.hits;
        return e.address;
    }
    return {};
}

void dns_keep(LockedNet& net, std::string_view name, Ipv4 address, std::uint32_t ttl_s) {
    if (name.empty() || name.size() > kDnsCacheName || ttl_s == 0) return;
    DnsState::Entry* place = net.dns.entries.data();
    for (DnsState::Entry& e : net.dns.entries) {
        if (std::string_view{e.name.data(), e.size} == name) {
            place = &e;
            break;
        }
        if (place->size != 0 && (e.size == 0 || e.ends < place->ends)) place = &e;
    }
    std::copy(name.begin(), name.end(), place->name.begin());
    place->size = static_cast<std::uint8_t>(name.size());
    place->address = address;
    place->ends = net.now() + Duration::from_s(std::min(ttl_s, kDnsTtlMax_s));
}

void dns_forget(LockedNet& net) {
    for (DnsState::Entry& e : net.dns.entries) e.size = 0;
}

DnsServers dns_servers(Net& net, ThreadContext& self) {
    NetGuard guard{net, self};
    if (!guard->dns.server.is_any()) return {guard->dns.server};
    if (!guard->dhcp.lease.dns[0].is_any()) return guard->dhcp.lease.dns;
    return {guard->interface.gateway};
}

Result<Ipv4, DnsError> dns_resolve(Net& net, ThreadContext& self, std::string_view name,
                                   const DnsServers& servers) {
    if (const auto digits = parse_ipv4(name)) return *digits;
    const auto wire_name = dns_name(name);
    if (!wire_name) return wire_name.error();
    const Key key{name};
    {
        NetGuard guard{net, self};
        if (const auto known = dns_lookup(*guard, key.view())) return *known;
    }
    DnsError why = DnsError::no_server;
    for (unsigned round = 0; round < kDnsRounds; ++round) {
        for (const Ipv4 server : servers) {
            if (server.is_any()) continue;
            const auto answer = ask(self, net, server, *wire_name);
            if (answer) {
                NetGuard guard{net, self};
                dns_keep(*guard, key.view(), answer->address, answer->ttl_s);
                return answer->address;
            }
            why = answer.error();
            if (!worth_another_try(why)) return why;
        }
    }
    return why;
}

}  // namespace kyu::net
