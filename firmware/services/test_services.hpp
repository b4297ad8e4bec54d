// TestServices: every server that a test image offers, joined to one stack.
//
// Context   constructed before the kernel starts; start() once, from a thread.
// Ownership owns the servers and their threads; refers to the stack and to the large memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "services/classic/classic.hpp"
#include "services/defects/planted.hpp"
#include "services/iperf/iperf.hpp"
#include "services/server/tcp_server.hpp"
#include "services/services_view.hpp"
#include "services/udp_echo/udp_echo.hpp"
#include "services/wangdoodle/wangdoodle.hpp"

namespace kyu {

/// Connections that each server serves at once.
struct ServerWorkers {
    std::size_t wang;
    std::size_t doney;
    std::size_t other;
};

/// Large memory that needs no clearing.
struct ServiceMemory {
    wangdoodle::BigTable big;
    wangdoodle::ChunkBuffers::Memory chunks;
};

template <ServerWorkers Workers>
class TestServices {
    net::Net& net_;
    ServiceMemory& memory_;
    defects::Planted& planted_;
    wangdoodle::ChunkBuffers buffers_;
    wangdoodle::Wangdoodle wang_;
    classic::ByteCount doney_bytes_{0};
    IperfServer iperf_;
    TcpServer<Workers.wang> wang_server_;
    TcpServer<Workers.doney> doney_server_;
    TcpServer<Workers.other> echo_server_;
    TcpServer<Workers.other> old_echo_server_;
    TcpServer<Workers.other> discard_server_;
    TcpServer<1> daytime_server_;
    TcpServer<1> chargen_server_;
    TcpServer<1> pirate_server_;
    TcpServer<1> blab_server_;
    TcpServer<Workers.other> iperf_server_;
    std::array<TcpServerBase*, 10> servers_;

    static void serve_wangdoodle(void* wang, ThreadContext& self, net::TcpSocket& client) {
        static_cast<wangdoodle::Wangdoodle*>(wang)->serve(self, client);
    }

public:
    /// `seed` starts the numbers that wangdoodle's `rand` and `uni` draw.
    TestServices(net::Net& net, ServiceMemory& memory, defects::Planted& planted,
                 std::uint64_t seed)
        : net_(net),
          memory_(memory),
          planted_(planted),
          buffers_(memory.chunks),
          wang_(memory.big, buffers_, planted_, seed),
          iperf_(net),
          wang_server_(net, {"wang", wangdoodle::kPort, serve_wangdoodle, &wang_}),
          doney_server_(net, {"doney", 115, classic::serve_sink, &doney_bytes_}),
          echo_server_(net, {"echo", 7, classic::serve_echo, nullptr}),
          old_echo_server_(net, {"echo113", 113, classic::serve_echo, nullptr}),
          discard_server_(net, {"discard", 9, classic::serve_sink, nullptr}),
          daytime_server_(net, {"daytime", 13, classic::serve_daytime, nullptr}),
          chargen_server_(net, {"chargen", 19, classic::serve_chargen, nullptr}),
          pirate_server_(net, {"pirate", 111, classic::serve_pirate, nullptr}),
          blab_server_(net, {"blab", 112, classic::serve_blab, nullptr}),
          iperf_server_(net, {"iperf", kIperfPort, serve_iperf, &iperf_}),
          servers_{&wang_server_,    &doney_server_,   &echo_server_,    &old_echo_server_,
                   &discard_server_, &daytime_server_, &chargen_server_, &pirate_server_,
                   &blab_server_,    &iperf_server_} {}

    /// Fills the table of `big` and starts every server; calls complain(name, why) for each that
    /// could not.
    template <typename Complain>
    void start(ThreadContext& self, Complain&& complain) {
        wangdoodle::fill_big(memory_.big.bytes);
        for (TcpServerBase* each : servers_) {
            const auto started = each->start(self);
            if (!started) complain(each->protocol().name, net::to_text(started.error()));
        }
        const auto echo = start_udp_echo(net_, self);
        if (!echo) complain("udp echo", net::to_text(echo.error()));
    }
    [[nodiscard]] std::span<TcpServerBase* const> servers() const { return servers_; }
    /// `big` transfers handed to TCP whole, since boot.
    [[nodiscard]] std::uint32_t transfers() const { return wang_.transfers(); }
    [[nodiscard]] const wangdoodle::Wangdoodle& wang() const { return wang_; }
    [[nodiscard]] ServicesView view() {
        return {servers_, &wang_, &buffers_, &doney_bytes_, &iperf_};
    }
    /// Bytes that doney was sent.
    [[nodiscard]] std::uint64_t doney_bytes() const { return doney_bytes_.load(); }
};

}  // namespace kyu
