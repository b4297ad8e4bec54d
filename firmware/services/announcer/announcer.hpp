// Announcer: says which address is in use whenever that changes, and once that the image is ready.
//
// Context   one thread. It prints with the network lock released.
// Source    the frames `net` and `ready` of docs/console.md.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/console.hpp"
#include "kernel/context.hpp"
#include "net/net.hpp"
#include "services/server/tcp_server.hpp"

namespace kyu {

class Announcer {
    Console& console_;
    net::Net& net_;
    std::span<TcpServerBase* const> servers_;

    struct Address {
        net::Ipv4 own{};
        std::uint8_t prefix_bits{0};
        net::Ipv4 gateway{};
        net::MacAddress mac{};
        net::AddressSource source{net::AddressSource::none};
        friend bool operator==(const Address&, const Address&) = default;
    };
    static Address address_of(const net::Interface& interface);
    void print_address(ThreadContext& self, const Address& address);
    void print_ready(ThreadContext& self);

public:
    Announcer(Console& console, net::Net& net, std::span<TcpServerBase* const> servers)
        : console_(console), net_(net), servers_(servers) {}

    /// The body of its thread; `on_ready(argument)` is called once, when the board can be reached.
    [[noreturn]] void run(ThreadContext& self, void (*on_ready)(ThreadContext&, void*),
                          void* argument);
};

}  // namespace kyu
