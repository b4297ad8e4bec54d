// connection: a whole life of connections as the input tells it.
//
// Format    a head of four bytes: clock, seed, where the peers' sequence numbers begin, and backlog
//           with whether the link fills in checksums.
//           Then events, one byte each and what they need: the low four bits say what happens, the
//           next two to which peer and user.
// Rules     after every event: the invariants of every connection, the bytes of every segment and
//           of every read (connection_world.hpp); in the end nothing is lent out.
#include "apps/fuzz/connection_world.hpp"

namespace kyu::fuzz {

using namespace net::test;

namespace {

// So that every clock wraps while a connection lives: milliseconds at 2^32, seconds of 25 days.
constexpr std::array kStarts{Instant::from_us(1'000'000), Instant::from_us(4'294'966'000'000),
                             Instant::from_us(2'147'483'000'000),
                             Instant::from_us(5'184'000'000'000)};
constexpr std::array<std::uint32_t, 4> kIss{1000, 0xFFFF'FF00, 0x7FFF'FF00, 0};
constexpr std::array kSteps{Duration::from_us(500), Duration::from_ms(1),   Duration::from_ms(10),
                            Duration::from_ms(45),  Duration::from_ms(210), Duration::from_s(1),
                            Duration::from_s(3),    Duration::from_s(20),   Duration::from_s(61),
                            Duration::from_s(130),  Duration::from_s(7300)};
constexpr std::array<std::uint16_t, 8> kWindows{65535, 65535, 8192, 1460, 100, 1, 0, 32768};
constexpr std::array<std::uint8_t, 16> kFlags{0x10, 0x18, 0x11, 0x02, 0x12, 0x04, 0x14, 0x01,
                                              0x00, 0x29, 0x03, 0x30, 0x50, 0x90, 0xC2, 0xFF};

std::uint32_t delta(Input& in) {
    const unsigned how = in.u8();
    const std::uint32_t small = how >> 4U;
    switch (how % 16) {
        case 1: return small + 1;
        case 2: return 0U - small - 1;
        case 3: return 1460U * small;
        case 4: return 0U - 1460U * small;
        case 5: return 0x7FFF'FFFFU + small;
        case 6: return in.u16();
        case 7: return 0U - in.u16();
        case 8: return in.u32();
        case 9: return 262'144U - small;
        default: return 0;
    }
}

void add(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

void add_stamp(FuzzPeer& peer, Bytes& options, std::uint32_t more) {
    peer.stamp += more;
    Bytes stamp{1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    put32(stamp, 4, peer.stamp);
    put32(stamp, 8, peer.echo);
    add(options, stamp);
}

Bytes syn_options(FuzzPeer& peer, unsigned which) {
    Bytes options;
    if ((which & 1U) != 0) add(options, {2, 4, 0x05, 0xB4});
    if ((which & 2U) != 0) add(options, {1, 3, 3, static_cast<std::uint8_t>(which >> 4U)});
    if ((which & 4U) != 0) add(options, {1, 1, 4, 2});
    if ((which & 8U) != 0) add_stamp(peer, options, 1);
    return options;
}

Bytes sack_options(const FuzzPeer& peer, Input& in) {
    Bytes options{1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    put32(options, 4, peer.seen_first + delta(in));
    put32(options, 8, peer.seen_end + delta(in));
    return options;
}

class Story {
    Input& in_;
    ConnectionWorld world_;

    FuzzSegment plain(FuzzPeer& peer, std::uint8_t flags) {
        FuzzSegment s;
        s.flags = flags;
        s.seq = peer.seq;
        s.ack = peer.ack;
        s.window = 65535;
        if (peer.stamps) add_stamp(peer, s.options, 1);
        return s;
    }
    void any_segment(FuzzPeer& peer) {
        FuzzSegment s;
        const unsigned what = in_.u8();
        s.flags = kFlags[what % 16];
        s.seq = peer.seq + delta(in_);
        s.ack = peer.ack + delta(in_);
        const unsigned more = in_.u8();
        s.window = kWindows[more % 8];
        s.data_bytes = (more & 8U) != 0 ? in_.u16() % 1461U : 0;
        s.urgent = (more & 16U) != 0 ? in_.u16() : 0;
        if (peer.stamps && (more & 32U) == 0)
            add_stamp(peer, s.options, (more & 64U) != 0 ? delta(in_) : 1);
        if ((more & 128U) != 0) {
            const auto options = in_.take(in_.u8() % 41U);
            s.options.insert(s.options.end(), options.begin(), options.end());
        }
        world_.send(peer, s, static_cast<std::uint8_t>(what >> 6U));
    }
    void open(FuzzPeer& peer) {
        const unsigned which = in_.u8();
        FuzzSegment s;
        s.flags = net::TcpFlags::kSyn;
        s.seq = peer.seq;
        s.window = 65535;
        s.options = syn_options(peer, which);
        world_.send(peer, s);
        ++peer.seq;
        world_.send(peer, plain(peer, net::TcpFlags::kAck));
    }
    /// The other half of a connection that the board opens.
    void grant(FuzzPeer& peer) {
        FuzzSegment s = plain(peer, net::TcpFlags::kSyn | net::TcpFlags::kAck);
        s.options = syn_options(peer, in_.u8());
        world_.send(peer, s);
        ++peer.seq;
        world_.send(peer, plain(peer, net::TcpFlags::kAck));
    }
    void say(FuzzPeer& peer, std::size_t count, std::uint8_t flags) {
        FuzzSegment s = plain(peer, flags);
        s.data_bytes = count;
        world_.send(peer, s);
        peer.seq += static_cast<std::uint32_t>(count) + (flags & net::TcpFlags::kFin);
    }
    void acknowledge(FuzzPeer& peer) {
        FuzzSegment s = plain(peer, net::TcpFlags::kAck);
        const unsigned how = in_.u8();
        s.window = kWindows[how % 8];
        if ((how & 8U) != 0) s.ack += delta(in_);
        if ((how & 16U) != 0) add(s.options, sack_options(peer, in_));
        if ((how & 32U) != 0) peer.ack = s.ack = peer.seen_end;
        world_.send(peer, s);
    }
    void icmp(const FuzzPeer& peer) {
        const unsigned how = in_.u8();
        const unsigned type = (how & 1U) != 0 ? 3 : (how >> 5U);
        world_.icmp(peer, type, (how >> 1U) % 16, (how & 32U) != 0 ? 600 : in_.u16());
    }
    void run_short() {
        const unsigned what = in_.u8();
        switch (what % 4) {
            case 0: world_.pool.fail_nth(1 + what / 4); break;
            case 1: world_.link.room = what / 4; break;
            case 2: world_.link.room = SIZE_MAX; break;
            default: world_.link.split_at = what; break;
        }
    }
    void call(FuzzPeer& peer, FuzzUser& user, unsigned index) {
        const unsigned what = in_.u8();
        switch (what % 8) {
            case 0: world_.accept(user); break;
            case 1: world_.end(user, static_cast<ConnectionWorld::Ending>(what / 8 % 4)); break;
            case 2:
                world_.connect(user, index);
                peer.seq = kIss[what / 8 % 4];
                break;
            case 3: world_.set_options(user, in_.u8()); break;
            case 4: world_.read(user, in_.u16()); break;
            case 5: world_.read(user, 300'000); break;
            case 6: world_.listen(1 + what / 8); break;
            default: {
                FuzzUser listener{.id = world_.listener};
                if (what / 8 == 3) world_.end(listener, ConnectionWorld::Ending::close);
            }
        }
        world_.settle();
        world_.watch();
    }

public:
    explicit Story(Input& in) : in_(in), world_(in.pick(kStarts), in.u8(), in.pick(kIss)) {
        const unsigned how = in_.u8();
        world_.link.offload = (how & 8U) != 0;
        world_.listen(1 + how % 8U);
    }
    void event() {
        const unsigned what = in_.u8();
        const unsigned index = (what >> 4U) % 4;
        FuzzPeer& peer = world_.peers[index];
        FuzzUser& user = world_.users[index];
        switch (what % 16) {
            case 0: open(peer); break;
            case 1: grant(peer); break;
            case 2: say(peer, in_.u16() % 1461U, 0x18); break;
            case 3: say(peer, in_.u8(), 0x11); break;
            case 4:
            case 5: acknowledge(peer); break;
            case 6:
            case 7: call(peer, user, index); break;
            case 8: world_.write(user, in_.u16(), (what & 0x80U) != 0); break;
            case 9: world_.write(user, in_.u8(), false); break;
            case 10:
            case 11: world_.advance(in_.pick(kSteps)); break;
            case 12: run_short(); break;
            case 13: icmp(peer); break;
            default: any_segment(peer); break;
        }
        world_.settle();
        world_.watch();
        world_.check();
    }
    void end() { world_.finish(); }
};

}  // namespace

void connection(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    Story story{in};
    while (!in.empty()) story.event();
    story.end();
}

}  // namespace kyu::fuzz
