// FuzzBoard: a stack without a kernel, small enough to be made for each input.
//
// Rules     192.168.0.73/24 behind a link whose other end is the input. finish() is the end of each
//           run: everything is let go, time passes, and no pool has anything lent out.
#pragma once

#include "apps/fuzz/input.hpp"
#include "apps/fuzz/target.hpp"
#include "net/frame_bytes_test_support.hpp"
#include "net/tcp/connection.hpp"
#include "net/tcp/tcp.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::fuzz {

using net::test::Bytes;

struct FuzzBoard : net::test::BasicTestNet<net::MbufMemory<160, 80>> {
    /// Frames that one event may answer with: a full send buffer in the smallest segments is less.
    static constexpr std::size_t kAnswersMax = 700;

    explicit FuzzBoard(Instant now, std::uint8_t seed = 1) : BasicTestNet(seed) { set_now(now); }

    void use_fixed_address() {
        net::NetConfig config;
        config.source = net::NetConfig::Source::fixed;
        config.bug = planted_bug();
        configure(config);
        address_claim_stop(net);  // nobody else claims it
        link.sent.clear();
    }
    void introduce(net::Ipv4 who, const net::MacAddress& mac) {
        exchange(net::test::arp_frame({.sender_mac = mac, .sender = who}));
        link.sent.clear();
    }
    /// What must hold between any two events.
    void check() {
        net.tcp.sockets.for_each([](net::Socket& so) {
            if (so.pcb != nullptr) check_invariants(*so.pcb);
        });
        CHECK(net.reassembly.memory() <= net::kReassemblyMemoryMax);
    }
    /// Whoever still holds something lets go.
    void finish() {
        pool.fail_nth(0);
        link.room = SIZE_MAX;
        link.arriving.clear();
        net.tcp.sockets.for_each([this](net::Socket& so) {
            if (so.owned) tcp_usr_abort(net, so);
        });
        for (std::uint16_t i = 0; i < net::kUdpPorts; ++i) {
            const auto& port = net.udp.ports()[i];
            if (port.port != 0 && port.handler == nullptr) {
                net.udp.unbind({i, port.generation});
            }
        }
        dhcp_stop(net);
        link.sent.clear();
        advance(Duration::from_s(1500));  // orphans, TIME-WAIT, fragments, ARP entries
        CHECK(net.tcp.connections.stats().used == 0);
        CHECK(net.tcp.sockets.stats().used == 0);
        CHECK(net.tcp.reassembly.stats().used == 0);
        CHECK(net.tcp.syn_cache.stats().used == 0);
        CHECK(net.tcp.time_wait.stats().used == 0);
        CHECK(net.reassembly.memory() == 0);
        CHECK(segments_used() == 0);
        CHECK(clusters_used() == 0);
    }
};

/// The checksum of the Internet, with nothing of it to be explored.
std::uint16_t plain_checksum(const Bytes& bytes);

/// Makes lengths and checksums of a frame right as far as `how` says: bit 0 the IP header's length
/// and checksum, bit 1 the transport's checksum.
void mend(Bytes& frame, unsigned how);

/// Frames that the board sent are whole: lengths and checksums are right.
void expect_whole(const Bytes& frame);

}  // namespace kyu::fuzz
