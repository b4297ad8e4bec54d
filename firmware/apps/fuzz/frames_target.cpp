// frames: any frames into a board that has a UDP port, a group, a listener and neighbours.
//
// Format    one byte an event: a frame with what is to be put right in it, time, or something that
//           runs short.
// Rules     everything the board sends is whole and short, and in the end nothing is lent out.
#include <utility>

#include "apps/fuzz/fuzz_board.hpp"

namespace kyu::fuzz {

using namespace net::test;

namespace {

constexpr std::uint16_t kListenPort = 114;
constexpr std::uint16_t kUdpPort = 4000;
constexpr net::Ipv4 kGroup{239, 1, 2, 3};
constexpr std::array kSteps{Duration::from_ms(1), Duration::from_ms(200), Duration::from_s(1),
                            Duration::from_s(31), Duration::from_s(130),  Duration::from_s(700)};
constexpr std::array<unsigned, 4> kTypes{0x0800, 0x0800, 0x0806, 0x0026};
constexpr std::array kTargets{kBoardMac, net::MacAddress::broadcast(),
                              net::MacAddress{{0x01, 0x00, 0x5E, 0x01, 0x02, 0x03}},
                              net::MacAddress{{0x02, 9, 9, 9, 9, 9}}};

class Board : public FuzzBoard {
    void frame(Input& in) {
        const unsigned how = in.u8();
        const unsigned where = in.u8();
        const auto piece = in.piece();
        Bytes payload(piece.begin(), piece.end());
        Bytes bytes = (how & 4U) != 0 ? std::move(payload)
                                      : ether_frame(kTargets[where % 4], kPeerMac,
                                                    kTypes[(where >> 2U) % 4], payload);
        if (bytes.size() > 1514) bytes.resize(1514);
        mend(bytes, how);
        const auto sent = exchange(std::move(bytes));
        CHECK(sent.size() <= kAnswersMax);
        for (const Bytes& each : sent) expect_whole(each);
    }
    void run_short(Input& in) {
        const unsigned what = in.u8();
        switch (what % 4) {
            case 0: pool.fail_nth(1 + what / 4); break;
            case 1: link.room = what / 4; break;
            case 2: link.room = SIZE_MAX; break;
            default: link.split_at = what; break;
        }
    }
    /// Something that makes the board speak of its own accord.
    void speak(Input& in) {
        const net::Endpoint to{net::Ipv4{192, 168, 0, in.u8()}, 9};
        const unsigned size = in.u16() % 9000U;
        Bytes data(size);
        net::Mbuf payload = pool.copy_in(as_bytes(data));
        if (!payload) return;
        static_cast<void>(net::udp_output(net, {}, kUdpPort, to, std::move(payload)));
        settle();
    }

public:
    explicit Board(Instant now) : FuzzBoard(now) {
        use_fixed_address();
        introduce(kPeer, kPeerMac);
        static_cast<void>(net.udp.bind(kUdpPort, nullptr, 0));
        static_cast<void>(tcp_usr_listen(net, kListenPort, 4));
        CHECK(net::igmp_join(net, kGroup));
        settle();
    }
    void event(Input& in) {
        switch (in.u8() % 8) {
            case 5: advance(in.pick(kSteps)); break;
            case 6: run_short(in); break;
            case 7: speak(in); break;
            default: frame(in); break;
        }
        for (const Bytes& each : take_sent()) expect_whole(each);
        check();
    }
    void end() {
        link.room = SIZE_MAX;
        net::igmp_leave(net, kGroup);
        finish();
    }
};

}  // namespace

void frames(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    Board board{Instant::from_us(1'000'000)};
    while (!in.empty()) board.event(in);
    board.end();
}

}  // namespace kyu::fuzz
