// fragments: datagrams that come in pieces, as senders, routers and attackers cut them.
//
// Format    two bytes choose the size of each of four datagrams; then one byte an event.
// Rules     what the port delivers is one of the datagrams, whole and with every byte right: every
//           byte of a datagram is a function of its place, unless an event damaged it.
#include <utility>

#include "apps/fuzz/fuzz_board.hpp"

namespace kyu::fuzz {

using namespace net::test;

namespace {

constexpr std::uint16_t kPort = 4000;
constexpr std::array kSteps{Duration::from_ms(10), Duration::from_s(1), Duration::from_s(29),
                            Duration::from_s(31)};

class Board : public FuzzBoard {
    std::array<Bytes, 4> datagrams_;
    net::UdpId id_{};

    void piece(Input& in) {
        const unsigned which = in.u8();
        const unsigned how = in.u8();
        const Bytes& whole = datagrams_[which % 4];
        const std::size_t first = (in.u16() * std::size_t{8}) % (whole.size() + 8);
        std::size_t count = in.u8() * std::size_t{8};
        if (count == 0 || first + count > whole.size()) count = 1480;
        Bytes data = slice(whole, first, std::min<std::size_t>(count, 1480));
        bool more = first + data.size() < whole.size();
        unsigned offset = static_cast<unsigned>(first / 8);
        // Now and then a lie: where it lies, whether more comes, one byte.
        if ((how & 0xF0U) == 0x10U) more = !more;
        if ((how & 0xF0U) == 0x20U) offset = (offset + (how & 0xFU)) & 0x1FFFU;
        if ((how & 0xF0U) == 0x30U && !data.empty()) data[how % data.size()] ^= 0x55U;
        if ((how & 0xF0U) == 0x40U)
            data.resize(data.size() - std::min<std::size_t>(data.size(), how & 0xFU));
        IpFields ip;
        ip.flags_offset = offset | (more ? 0x2000U : 0U);
        if ((how & 0xF0U) == 0x50U) ip.options = Bytes(4U * (how & 0x7U), 1);
        Bytes packet = ip_packet(ip, data);
        put16(packet, 4, 0x100U + which % 4);
        fix_ip(packet);
        const auto sent = exchange(ether_frame(kBoardMac, kPeerMac, 0x0800, packet));
        for (const Bytes& each : sent) expect_whole(each);
    }
    void read() {
        net::UdpPort& port = *net.udp.get(id_);
        while (!port.queue.empty()) {
            const Bytes got = flatten(port.queue.pop().payload);
            bool found = false;
            for (const Bytes& whole : datagrams_) found = found || got == slice(whole, 8);
            CHECK(found);
        }
    }

public:
    explicit Board(Input& in) : FuzzBoard(Instant::from_us(1'000'000)) {
        use_fixed_address();
        introduce(kPeer, kPeerMac);
        const auto id = net.udp.bind(kPort, nullptr, 0);
        CHECK(id);
        id_ = *id;
        for (std::size_t i = 0; i < datagrams_.size(); ++i) {
            Bytes data(1 + in.u16() % 9000U);
            for (std::size_t at = 0; at < data.size(); ++at) {
                data[at] = static_cast<std::uint8_t>((at * 2654435761U) >> 13U) ^
                           static_cast<std::uint8_t>(i);
            }
            datagrams_[i] = udp_datagram(kPeer, kBoard, 5000, kPort, data);
        }
    }
    void event(Input& in) {
        const unsigned what = in.u8();
        switch (what % 16) {
            case 13: advance(in.pick(kSteps)); break;
            case 14: pool.fail_nth(in.u8()); break;
            case 15: link.split_at = in.u8(); break;
            default: piece(in); break;
        }
        read();
        check();
    }
};

}  // namespace

void fragments(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    Board board{in};
    while (!in.empty()) board.event(in);
    board.finish();
}

}  // namespace kyu::fuzz
