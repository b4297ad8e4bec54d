// The menu t: every server of the board, by way of the stack's own loopback, the clients, and what
// they have counted.
//
// Context   the shell's thread (services/selftest/selftest.hpp).
#include <algorithm>
#include <array>

#include "services/clients/clients.hpp"
#include "services/iperf/iperf.hpp"
#include "services/selftest/selftest.hpp"
#include "services/server/tcp_server.hpp"
#include "services/wangdoodle/pattern.hpp"
#include "services/wangdoodle/wangdoodle.hpp"

namespace kyu::selftest {
namespace {

using net::TcpSocket;

constexpr net::Ipv4 kSelf{127, 0, 0, 1};

/// A connection to one of this board's own servers; closed when the test is over.
class Peer {
    ThreadContext& self_;
    Run& run_;
    TcpSocket socket_;

public:
    Peer(ThreadContext& self, Run& run, std::uint16_t port) : self_(self), run_(run) {
        if (run.services().servers.empty()) {
            run.skip("no servers here");
            return;
        }
        auto made = TcpSocket::connect(run.net(), self, {kSelf, port}, self.now() + kPatience);
        if (made) {
            socket_ = std::move(made).value();
        } else {
            run.fail("port {}: {}", port, net::to_text(made.error()));
        }
    }
    ~Peer() {
        if (socket_.open()) socket_.close(self_);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    explicit operator bool() const { return socket_.open(); }
    TcpSocket& socket() { return socket_; }

    bool say(std::string_view text) {
        const auto bytes = std::as_bytes(std::span(text));
        const auto out = socket_.send(self_, bytes, self_.now() + kPatience);
        return run_.expect(out.sent == bytes.size(), "everything is sent");
    }
    /// Takes bytes until `count` have come, or the end.
    std::size_t take(std::span<std::byte> into) {
        std::size_t have = 0;
        while (have < into.size()) {
            const auto got = socket_.recv(self_, into.subspan(have), self_.now() + kPatience);
            if (!got || *got == 0) break;
            have += *got;
        }
        return have;
    }
    void hears(std::string_view wanted) {
        std::array<std::byte, 64> heard{};
        const auto place = std::span(heard).first(std::min(wanted.size(), heard.size()));
        const std::size_t count = take(place);
        const bool same = std::ranges::equal(place.first(count), std::as_bytes(std::span(wanted)));
        if (!same) run_.fail("it does not say {}", wanted.substr(0, wanted.find('\r')));
    }
};

void test_tcp_show(ThreadContext& self, Run& run) {
    for (const TcpServerBase* each : run.services().servers) {
        run.say(self, "  {:<10} port {:>4}: {} of {} busy\n", each->protocol().name,
                each->protocol().port, each->busy(), each->places());
    }
}

void test_pirate(ThreadContext& self, Run& run) {
    Peer peer{self, run, 111};
    if (peer) peer.hears("Dead men tell no tales\r\n");
}

void test_blab(ThreadContext& self, Run& run) {
    Peer peer{self, run, 112};
    if (peer) peer.hears("Blab 1 of 25\r\nBlab 2 of 25\r\n");
}

void test_echo(ThreadContext& self, Run& run) {
    for (const std::uint16_t port : {std::uint16_t{7}, std::uint16_t{113}}) {
        Peer peer{self, run, port};
        if (peer && peer.say("hello, board")) peer.hears("hello, board");
    }
}

void test_chargen(ThreadContext& self, Run& run) {
    Peer peer{self, run, 19};
    if (peer) peer.hears(" !\"#$%&'()*+,-./0123456789:;<=>?@ABC");
}

/// lots to one of the board's own ports.
bool send_lots(ThreadContext& self, Run& run, std::uint16_t port) {
    if (run.services().chunks == nullptr) {
        run.skip("no buffers here");
        return false;
    }
    const auto outcome = clients::lots(run.net(), self, *run.services().chunks, {{kSelf, port}});
    if (outcome.error) run.fail("lots: {}", net::to_text(*outcome.error));
    run.say(self, "  {} bytes in {} ms\n", outcome.sent, outcome.took.ms());
    return run.expect(outcome.sent == clients::kLotsBytes, "all are sent");
}

void test_doney(ThreadContext& self, Run& run) {
    const classic::ByteCount* count = run.services().doney_bytes;
    const std::uint64_t before = count == nullptr ? 0 : count->load();
    if (!send_lots(self, run, 115)) return;
    run.expect(count->load() - before >= clients::kLotsBytes, "it has counted them");
}

void test_wangdoodle(ThreadContext& self, Run& run) {
    Peer peer{self, run, wangdoodle::kPort};
    if (!peer || !peer.say("stat\nbig\n")) return;
    peer.hears("OK\n");
    static std::array<std::byte, wangdoodle::kChunkBytes> wanted;
    static std::array<std::byte, wangdoodle::kChunkBytes> heard;
    for (std::size_t chunk = 0; chunk < wangdoodle::kBigChunks; ++chunk) {
        wangdoodle::fill_big_chunk(wanted, chunk);
        if (peer.take(heard) != heard.size() || heard != wanted) {
            return run.fail("chunk {} of big is wrong", chunk);
        }
    }
    run.expect(peer.take(heard) == 0, "and then it closes");
}

void test_daytime(ThreadContext& self, Run& run) {
    if (run.services().servers.empty()) return run.skip("no servers here");
    TextBuffer<80> line;
    const auto error = clients::daytime(run.net(), self, {kSelf, 13}, line);
    if (error) return run.fail("daytime: {}", net::to_text(*error));
    run.say(self, "  {}\n", line.view());
    run.expect(line.view().starts_with("Kyu has been up for "), "it says how long it is up");
}

void test_lots(ThreadContext& self, Run& run) { (void)send_lots(self, run, 9); }

void test_statistics(ThreadContext& self, Run& run) {
    const ServicesView& services = run.services();
    if (services.wang == nullptr) return run.skip("no servers here");
    run.say(self, "  wangdoodle: {} transfers\n  doney: {} bytes\n", services.wang->transfers(),
            services.doney_bytes->load());
    run.say(self, "  iperf: {} bytes in, {} out\n", services.iperf->bytes_in.load(),
            services.iperf->bytes_out.load());
}

void test_tcp_debug(ThreadContext& self, Run& run) {
    net::NetGuard guard(run.net(), self);
    const std::uint8_t before = guard->debug_level;
    guard->debug_level = before < net::kDebugLevelMax ? std::uint8_t(before + 1) : std::uint8_t{0};
    run.expect(guard->debug_level != before, "the level moves");
    guard->debug_level = before;
}

}  // namespace

std::span<const Test> tcp_tests() {
    static constexpr std::array kTests{
        Test{"show", "the servers, and how busy they are", test_tcp_show},
        Test{"pirate", "port 111", test_pirate},
        Test{"blab", "port 112, two of its lines", test_blab},
        Test{"echo", "ports 7 and 113", test_echo},
        Test{"chargen", "port 19", test_chargen},
        Test{"doney", "port 115 counts", test_doney},
        Test{"wangdoodle", "port 114: stat and big", test_wangdoodle},
        Test{"daytime", "client of port 13", test_daytime},
        Test{"lots", "client that sends in chunks, to port 9", test_lots},
        Test{"statistics", "what the servers have counted", test_statistics},
        Test{"debug", "the debug level", test_tcp_debug},
    };
    return kTests;
}

}  // namespace kyu::selftest
