#include "port/host/world.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace kyu::host {
namespace {

/// A wire that inverts one bit of the type makes no other known type of it.
bool is_arp(const Bytes& frame) {
    constexpr std::size_t kTypeAt = 12;
    return frame.size() > kTypeAt + 1 && frame[kTypeAt] == std::byte{0x08} &&
           frame[kTypeAt + 1] == std::byte{0x06};
}

}  // namespace

void World::join(Host& host) {
    host.id_ = static_cast<std::uint32_t>(hosts_.size());
    hosts_.push_back(&host);
    run(host);
}

World::Port& World::plug(Host& host, Fates fates) {
    CHECK(fates_to(host) == nullptr);  // one wire a host
    ports_.push_back(std::make_unique<Port>(host, std::move(fates)));
    Port& port = *ports_.back();
    host.transmit_ = [this, &port](std::span<const std::byte> frame) { send(port, frame); };
    return port;
}

void World::wire(Host& a, Host& b, Fates a_to_b, Fates b_to_a) {
    Port& at_a = plug(a, std::move(b_to_a));
    Port& at_b = plug(b, std::move(a_to_b));
    at_a.others = {&at_b};
    at_b.others = {&at_a};
}

void World::hub(std::span<Host* const> hosts, std::vector<Fates> fates_to) {
    CHECK(hosts.size() == fates_to.size());
    std::vector<Port*> all;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        all.push_back(&plug(*hosts[i], std::move(fates_to[i])));
    }
    for (Port* port : all) {
        std::ranges::copy_if(all, std::back_inserter(port->others),
                             [port](const Port* other) { return other != port; });
    }
}

Fates* World::fates_to(const Host& host) {
    for (const auto& port : ports_) {
        if (port->host == &host) return &port->fates_in;
    }
    return nullptr;
}

void World::send(Port& from, std::span<const std::byte> frame) {
    const FrameDigest digest{frame};
    hash_.add(EventKind::sent, now_, from.host->id(), digest);
    for (Port* to : from.others) send_one(*from.host, *to, frame, digest);
}

void World::send_one(const Host& from, Port& to, std::span<const std::byte> frame,
                     FrameDigest digest) {
    const Fate fate = to.fates_in.next(frame.size(), now_);
    const std::uint32_t number = to.frames++;
    if (fate.drop) {
        hash_.add(EventKind::lost, now_, to.host->id());
        if (watch_) watch_({now_, &from, to.host, number, true, false, frame});
        return;
    }
    Instant leaves = now_;
    if (const std::uint64_t rate = to.fates_in.plan().rate_bytes_per_s; rate > 0) {
        // The first byte leaves when the frame before is out, the last one so much later.
        const std::uint64_t us = (frame.size() * 1'000'000U + rate - 1) / rate;
        leaves = std::max(now_, to.busy_until) + Duration::from_us(static_cast<std::int64_t>(us));
        to.busy_until = leaves;
    }
    Delivery first{leaves + fate.delay, sequence_++, &from, &to, number, false,
                   copy_of(frame),      digest};
    spoil(first, fate);
    if (fate.duplicate) {
        Delivery second{first};
        second.at = leaves + fate.duplicate_delay;
        second.sequence = sequence_++;
        put_under_way(std::move(first));
        return put_under_way(std::move(second));
    }
    put_under_way(std::move(first));
}

Bytes World::copy_of(std::span<const std::byte> frame) {
    Bytes copy;
    if (!spare_.empty()) {
        copy = std::move(spare_.back());
        spare_.pop_back();
    }
    copy.assign(frame.begin(), frame.end());
    return copy;
}

void World::spoil(Delivery& delivery, const Fate& fate) {
    if (fate.truncate_to < 0 && fate.corrupt_bit < 0) return;
    Bytes& frame = delivery.frame;
    if (fate.truncate_to >= 0 && static_cast<std::size_t>(fate.truncate_to) < frame.size()) {
        frame.resize(static_cast<std::size_t>(fate.truncate_to));
        delivery.spoiled = true;
    }
    if (fate.corrupt_bit >= 0) {
        const auto bit = static_cast<std::size_t>(fate.corrupt_bit);
        if (bit / 8 < frame.size()) {
            frame[bit / 8] ^= std::byte{0x80} >> static_cast<int>(bit % 8);
            delivery.spoiled = true;
        }
    }
    delivery.digest = FrameDigest{frame};
}

void World::put_under_way(Delivery delivery) {
    under_way_.push_back(std::move(delivery));
    std::ranges::push_heap(under_way_, Later{});
}

Instant World::next_event() const {
    Instant next = under_way_.empty() ? Instant::never() : under_way_.front().at;
    for (const Host* host : hosts_) {
        if (!host->crashed()) next = std::min(next, host->next_event());
    }
    return next;
}

void World::deliver_due() {
    while (!under_way_.empty() && under_way_.front().at <= now_) {
        std::ranges::pop_heap(under_way_, Later{});
        Delivery delivery = std::move(under_way_.back());
        under_way_.pop_back();
        hash_.add(EventKind::delivered, now_, delivery.to->host->id(), delivery.digest);
        arrive(delivery);
        spare_.push_back(std::move(delivery.frame));
    }
}

void World::arrive(const Delivery& delivery) {
    Port& port = *delivery.to;
    if (watch_) {
        watch_({now_, delivery.from, port.host, delivery.number, false, delivery.spoiled,
                delivery.frame});
    }
    if (delivery.spoiled) {
        ++port.spoiled.frames;
        if (is_arp(delivery.frame)) ++port.spoiled.arp;
    }
    if (!port.host->crashed()) port.host->receive(now_, delivery.frame);
}

void World::calm() {
    for (const auto& port : ports_) port->fates_in.calm();
}

Spoiled World::spoiled(const Host& host) const {
    for (const auto& port : ports_) {
        if (port->host == &host) return port->spoiled;
    }
    return {};
}

void World::run(Host& host) {
    if (host.crashed()) return;
    host.run_until(now_);
    if (!host.crashed()) return;
    ++crashes_;
    hash_.add(EventKind::crashed, now_, host.id());
}

void World::run_hosts() {
    for (Host* host : hosts_) {
        if (host->next_event() <= now_) run(*host);
    }
}

void World::go_to(Instant when) {
    now_ = std::max(now_, when);
    deliver_due();
    run_hosts();
}

void World::set_clocks() {
    for (Host* host : hosts_) run(*host);
}

bool World::step() {
    const Instant next = next_event();
    if (next == Instant::never()) return false;
    go_to(next);
    set_clocks();
    return true;
}

WorldStop World::run_until(Instant limit, const Until& until) {
    const std::size_t crashes = crashes_;
    WorldStop why{};
    for (;;) {
        if (crashes_ != crashes) {
            why = WorldStop::crashed;
            break;
        }
        if (until && until()) {
            why = WorldStop::asked;
            break;
        }
        const Instant next = next_event();
        if (next == Instant::never() && limit == Instant::never()) {
            why = WorldStop::idle;
            break;
        }
        if (next > limit) {
            now_ = std::max(now_, limit);
            why = WorldStop::limit;
            break;
        }
        go_to(next);
    }
    set_clocks();
    return why;
}

}  // namespace kyu::host
