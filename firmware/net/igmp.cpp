// The host's side of IGMPv2 (RFC 2236 §3, §6).
//
// Lock      the network lock.
#include "net/igmp.hpp"

#include <algorithm>
#include <utility>

#include "net/checksum.hpp"
#include "net/net.hpp"
#include "net/wire/igmp.hpp"

namespace kyu::net {

namespace {

constexpr Ipv4 kAllRouters{224, 0, 0, 2};

IgmpGroup* find(IgmpState& igmp, Ipv4 group) {
    for (IgmpGroup& g : igmp.groups) {
        if (g.address == group) return &g;
    }
    return nullptr;
}

void send(LockedNet& net, std::uint8_t type, Ipv4 group, Ipv4 to) {
    if (!net.interface.has_address()) return;
    Mbuf message = net.pool.allocate(sizeof(IgmpMessage));
    if (!message) return net.stats.count(Drop::out_no_memory);
    auto& m = *header_at<IgmpMessage>(message.writable_front());
    m = IgmpMessage{.type = type, .max_response = 0, .checksum = {}, .group = group.wire()};
    Checksum sum;
    sum.add(message);
    m.checksum = Be16{sum.finish()};
    const IpSend as{.source = {},
                    .destination = to,
                    .protocol = IpProtocol::igmp,
                    .ttl = 1,
                    .router_alert = true};
    if (ip_output(net, as, std::move(message))) ++net.stats.igmp_reports_out;
}

void report(LockedNet& net, IgmpGroup& g) {
    g.report_at = Instant::never();
    g.reported_last = true;
    send(net, IgmpMessage::kReport2, g.address, g.address);
}

/// RFC 2236 §3: a random part of `within`, unless an answer is due earlier anyway.
void report_within(LockedNet& net, IgmpGroup& g, Duration within) {
    const auto span_us = static_cast<std::uint32_t>(within.us());
    const Instant at = net.now() + Duration::from_us(net.random.below(span_us) + 1);
    if (g.report_at <= net.now() + within) return;
    g.report_at = at;
    net.igmp.next = std::min(net.igmp.next, at);
}

void take_query(LockedNet& net, const IgmpMessage& m, const IpInfo& ip) {
    const Ipv4 group{m.group};
    if (group.is_any() ? ip.destination != kAllHosts
                       : !group.is_multicast() || group == kAllHosts) {
        return net.stats.count(Drop::igmp_bad_group);
    }
    // RFC 2236 §4: version 1 says nothing and means 10 s. Version 3 counts longer times in its own
    // way (RFC 3376 §4.1.1); answering sooner is always right.
    const Duration within = Duration::from_ms(m.max_response == 0 ? 10'000 : m.max_response * 100);
    for (IgmpGroup& g : net.igmp.groups) {
        if (!g.address.is_any() && (group.is_any() || g.address == group)) {
            report_within(net, g, within);
        }
    }
}

}  // namespace

bool IgmpState::is_member(Ipv4 group) const {
    return group == kAllHosts ||
           (!group.is_any() && std::any_of(groups.begin(), groups.end(),
                                           [group](const auto& g) { return g.address == group; }));
}

bool IgmpState::wants(const MacAddress& group) const {
    return group == group_mac(kAllHosts) ||
           std::any_of(groups.begin(), groups.end(), [&group](const IgmpGroup& g) {
               return !g.address.is_any() && group_mac(g.address) == group;
           });
}

bool igmp_join(LockedNet& net, Ipv4 group) {
    if (group == kAllHosts) return true;
    IgmpGroup* g = find(net.igmp, group);
    if (g != nullptr) {
        ++g->users;
        return true;
    }
    g = find(net.igmp, Ipv4{});
    if (g == nullptr) return false;
    *g = IgmpGroup{.address = group, .users = 1};
    net.interface.link.receive_groups(true);
    report(net, *g);
    report_within(net, *g, kIgmpRepeat);
    return true;
}

void igmp_leave(LockedNet& net, Ipv4 group) {
    IgmpGroup* g = group.is_any() ? nullptr : find(net.igmp, group);
    if (g == nullptr || --g->users != 0) return;
    if (g->reported_last) send(net, IgmpMessage::kLeave, group, kAllRouters);
    *g = IgmpGroup{};
    const auto& all = net.igmp.groups;
    net.interface.link.receive_groups(std::any_of(
        all.begin(), all.end(), [](const IgmpGroup& each) { return !each.address.is_any(); }));
}

void igmp_input(LockedNet& net, Mbuf message, const IpInfo& ip) {
    if (message.size() < sizeof(IgmpMessage)) return net.stats.count(Drop::igmp_short);
    if (!message.pull_up(sizeof(IgmpMessage))) return net.stats.count(Drop::in_no_memory);
    Checksum sum;
    sum.add(message);
    if (sum.finish() != 0) return net.stats.count(Drop::igmp_checksum);
    const IgmpMessage m = *header_at<IgmpMessage>(message.front());
    switch (m.type) {
        case IgmpMessage::kQuery: return take_query(net, m, ip);
        case IgmpMessage::kReport1:
        case IgmpMessage::kReport2: {
            // RFC 2236 §10: a report counts when it goes to its group and comes from our network.
            const Ipv4 group{m.group};
            if (group != ip.destination || !net.interface.on_link(ip.source)) {
                return net.stats.count(Drop::igmp_bad_group);
            }
            IgmpGroup* g = find(net.igmp, group);
            if (g == nullptr) return;
            g->report_at = Instant::never();
            g->reported_last = false;
            return;
        }
        case IgmpMessage::kLeave:
        case IgmpMessage::kReport3: return;  // for routers
        default: return net.stats.count(Drop::igmp_type);
    }
}

void igmp_timers(LockedNet& net) {
    net.igmp.next = Instant::never();
    for (IgmpGroup& g : net.igmp.groups) {
        if (g.report_at <= net.now()) report(net, g);
        net.igmp.next = std::min(net.igmp.next, g.report_at);
    }
}

void igmp_report_all(LockedNet& net) {
    if (!net.interface.has_address()) return;
    for (IgmpGroup& g : net.igmp.groups) {
        if (!g.address.is_any()) report_within(net, g, Duration::from_s(1));
    }
}

}  // namespace kyu::net
