#include "services/announcer/announcer.hpp"

#include "kernel/frame_line.hpp"

namespace kyu {

Announcer::Address Announcer::address_of(const net::Interface& interface) {
    return {interface.address, interface.prefix_bits, interface.gateway, interface.mac,
            interface.source};
}

void Announcer::print_address(ThreadContext& self, const Address& address) {
    TextBuffer<24> own;
    TextBuffer<24> gateway;
    TextBuffer<24> mac;
    net::print_to(own, address.own);
    net::print_to(gateway, address.gateway);
    net::print_to(mac, address.mac);
    ConsoleSink sink(console_, self);
    FrameLine(sink, "net")
        .word("ip", own.view())
        .number("mask", address.prefix_bits)
        .word("gw", gateway.view())
        .word("mac", mac.view())
        .word("source", net::to_text(address.source));
}

void Announcer::print_ready(ThreadContext& self) {
    TextBuffer<192> services;
    for (const TcpServerBase* server : servers_) {
        print(services, "{}{}:{}", services.view().empty() ? "" : " ", server->protocol().name,
              server->protocol().port);
    }
    ConsoleSink sink(console_, self);
    FrameLine(sink, "ready")
        .text("services", services.view())
        .number("up_ms", static_cast<std::uint64_t>(self.now().ms()));
}

void Announcer::run(ThreadContext& self, void (*on_ready)(ThreadContext&, void*), void* argument) {
    Address shown;
    bool ready = false;
    for (;;) {
        {
            net::NetGuard guard(net_, self);
            // The interface's MAC alone is no news: only an address makes the board reachable.
            while (guard->interface.address == shown.own) {
                guard.wait(guard->interface.changed, Instant::never());
            }
            shown = address_of(guard->interface);
        }
        print_address(self, shown);
        if (ready || shown.own.is_any()) continue;
        ready = true;
        print_ready(self);
        on_ready(self, argument);
    }
}

}  // namespace kyu
