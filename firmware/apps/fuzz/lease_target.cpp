// lease: a board without an address, a DHCP server that says anything, and time.
//
// Format    one byte an event: an answer made of choices, an answer of any bytes, ARP, time.
// Rules     an address in use is one that a host can have; a lease's times are in order; the client
//           is never due at once for ever (the time limit finds it).
#include <utility>

#include "apps/fuzz/fuzz_board.hpp"
#include "net/dhcp.hpp"

namespace kyu::fuzz {

using namespace net::test;

namespace {

constexpr std::array kSteps{Duration::from_ms(1),   Duration::from_ms(300), Duration::from_s(1),
                            Duration::from_s(10),   Duration::from_s(100),  Duration::from_s(3000),
                            Duration::from_s(20000)};
constexpr std::array<std::uint32_t, 8> kSeconds{0,    1,     10,          60,
                                                3600, 86400, 0x7FFF'FFFF, 0xFFFF'FFFF};
constexpr std::array kAddresses{
    net::Ipv4{10, 0, 2, 15},       net::Ipv4{10, 0, 2, 16},   net::Ipv4{},
    net::Ipv4{255, 255, 255, 255}, net::Ipv4{224, 0, 0, 1},   net::Ipv4{127, 0, 0, 1},
    net::Ipv4{10, 0, 2, 255},      net::Ipv4{192, 168, 0, 73}};
constexpr std::array kMasks{net::Ipv4{255, 255, 255, 0}, net::Ipv4{255, 255, 0, 0},
                            net::Ipv4{255, 0, 255, 0}, net::Ipv4{255, 255, 255, 255}};

class Board : public FuzzBoard {
    static void number(Bytes& options, std::uint8_t which, std::uint32_t value) {
        options = joined(std::move(options), {which, 4, 0, 0, 0, 0});
        put32(options, options.size() - 4, value);
    }
    Bytes chosen(Input& in) {
        const unsigned present = in.u8();
        Bytes o{53, 1, in.u8()};
        number(o, 54, net::Ipv4{10, 0, 2, 2}.host + (present >> 7U));
        if ((present & 1U) != 0) number(o, 1, in.pick(kMasks).host);
        if ((present & 2U) != 0) number(o, 3, in.pick(kAddresses).host);
        if ((present & 4U) != 0) number(o, 51, in.pick(kSeconds));
        if ((present & 8U) != 0) number(o, 58, in.pick(kSeconds));
        if ((present & 16U) != 0) number(o, 59, in.pick(kSeconds));
        if ((present & 32U) != 0) number(o, 6, in.u32());
        o.push_back(255);
        return o;
    }
    void answer(Input& in, bool free) {
        const unsigned how = in.u8();
        Bytes message(240);
        message[0] = 2;
        message[1] = 1;
        message[2] = 6;
        put32(message, 4, (how & 1U) != 0 ? in.u32() : net.dhcp.xid);
        put32(message, 16, in.pick(kAddresses).host);
        std::copy(kBoardMac.bytes.begin(), kBoardMac.bytes.end(), message.begin() + 28);
        put32(message, 236, 0x63825363);
        if (free) {
            const auto options = in.take(in.u8());
            message.insert(message.end(), options.begin(), options.end());
        } else {
            message = joined(std::move(message), chosen(in));
        }
        const net::Ipv4 from{10, 0, 2, 2};
        const net::Ipv4 to = (how & 2U) != 0 ? net.interface.address : net::Ipv4{0xFFFF'FFFFU};
        inject(ether_frame(
            to.is_limited_broadcast() ? net::MacAddress::broadcast() : kBoardMac, kPeerMac, 0x0800,
            ip_packet(
                {.source = from, .destination = to},
                udp_datagram(from, to, net::kDhcpServerPort, net::kDhcpClientPort, message))));
        settle();
    }
    /// A neighbour that says it has the address that is probed or in use.
    void conflict(Input& in) {
        const unsigned how = in.u8();
        ArpFields arp;
        arp.operation = 1 + how % 2;
        arp.sender = (how & 2U) != 0 ? net.dhcp.lease.address : net.interface.address;
        arp.target = (how & 4U) != 0 ? net.dhcp.lease.address : net.interface.address;
        inject(arp_frame(arp, net::MacAddress::broadcast()));
        settle();
    }
    void expect_order() {
        const net::DhcpClient& client = net.dhcp;
        const net::Ipv4 mine = net.interface.address;
        CHECK(!mine.is_multicast() && !mine.is_limited_broadcast());
        const bool holds = client.state == net::DhcpClient::State::bound ||
                           client.state == net::DhcpClient::State::renewing ||
                           client.state == net::DhcpClient::State::rebinding;
        if (holds) CHECK(!mine.is_any() && client.lease.address == mine);
        if (holds && !client.lease.endless) {
            CHECK(client.renew_at <= client.rebind_at || client.renew_at == Instant::never());
            CHECK(client.rebind_at <= client.expires_at || client.rebind_at == Instant::never());
        }
        for (const Bytes& each : take_sent()) expect_whole(each);
    }

public:
    explicit Board(unsigned how) : FuzzBoard(Instant::from_us(1'000'000)) {
        net::NetConfig config;
        config.source = (how & 1U) != 0 ? net::NetConfig::Source::dhcp
                                        : net::NetConfig::Source::dhcp_then_fixed;
        configure(config);
    }
    void event(Input& in) {
        switch (in.u8() % 8) {
            case 3: answer(in, true); break;
            case 4: conflict(in); break;
            case 5: pool.fail_nth(in.u8()); break;
            case 6:
            case 7: advance(in.pick(kSteps)); break;
            default: answer(in, false); break;
        }
        expect_order();
        check();
    }
};

}  // namespace

void lease(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    Board board{in.u8()};
    while (!in.empty()) board.event(in);
    board.finish();
}

}  // namespace kyu::fuzz
