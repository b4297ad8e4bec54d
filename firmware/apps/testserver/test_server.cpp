#include "apps/testserver/test_server.hpp"

#include <cstring>

#include "apps/testserver/board_tricks.hpp"
#include "apps/testserver/fiq_watchdog.hpp"
#include "board/orangepi-pc/memory_map.hpp"
#include "drivers/watchdog/watchdog.hpp"
#include "kernel/frame_line.hpp"

namespace kyu::app {
namespace {

constexpr net::MacAddress kFallbackMac{{0x02, 'K', 'y', 'u', 0x00, 0x01}};

net::RandomKey random_key() {
    net::RandomKey key;
    for (std::size_t i = 0; i < key.bytes.size(); i += sizeof(std::uint64_t)) {
        const std::uint64_t bits = port::entropy();
        std::memcpy(key.bytes.data() + i, &bits, sizeof bits);
    }
    return key;
}

// What the arguments say, or the address that U-Boot or QEMU left in the device.
emac::Config emac_config(const BootConfig& config) {
    MmioIo io{board::kEmac};
    const net::MacAddress mac =
        config.mac ? *config.mac : emac::preset_mac(io).value_or(kFallbackMac);
    return {.mac = mac, .bug = config.net.bug};
}

void restart() {
    MmioIo io{board::kWatchdog};
    watchdog::restart_system(io);
    const Instant end = port::now() + Duration::from_s(1);
    while (port::now() < end) {
    }
}

std::uint32_t transfers_of(const void* wang) {
    return static_cast<const wangdoodle::Wangdoodle*>(wang)->transfers();
}

TestServer& server(void* argument) { return *static_cast<TestServer*>(argument); }

}  // namespace

TestServer::TestServer(Board& board, const BootConfig& config, Memory& memory,
                       emac::BoardEmac::Area& emac_area)
    : board_(board),
      config_(config),
      pool_(memory.packets),
      emac_(MmioIo{board::kEmac}, emac::PortDma{}, emac::PortClock{}, emac_area,
            emac_config(config),
            {[](IrqContext& irq, void* me) { server(me).net_.post(irq); }, this}),
      net_(pool_, emac_, random_key()),
      planted_(board_tricks(board, net_)),
      services_(net_, memory.services, planted_, port::entropy()),
      announcer_(board.console, net_, services_.servers()),
      heartbeat_(board.console, net_, transfers_of, &services_.wang()),
      board_shell_(board.gic, restart),
      shell_(board.console, net_, heartbeat_, board_shell_, board_tests(), services_.view()),
      watchdogs_(board, config.watchdog),
      fast_interrupts_(config.watchdog.on && start_fiq_watchdog(board)),
      net_thread_(
          "net", kNetPriority, net_stack_.span(),
          [](ThreadContext& self, void* me) { server(me).net_.run(self); }, this),
      shell_thread_(
          "shell", kShellPriority, shell_stack_.span(),
          [](ThreadContext& self, void* me) {
              server(me).start_up(self);
              server(me).shell_.run(self);
          },
          this),
      heartbeat_thread_(
          "heartbeat", kServicePriority, heartbeat_stack_.span(),
          [](ThreadContext& self, void* me) { server(me).heartbeat_.run(self); }, this),
      announcer_thread_(
          "announcer", kServicePriority, announcer_stack_.span(),
          [](ThreadContext& self, void* me) {
              server(me).announcer_.run(
                  self,
                  [](ThreadContext& announcer, void* it) {
                      server(it).heartbeat_thread_.start(announcer);
                  },
                  me);
          },
          this) {
    board_.kernel.pools().add(segments_entry_);
    board_.kernel.pools().add(clusters_entry_);
    attach(
        board_, board::Irq::emac,
        [](IrqContext& irq, void* link) { static_cast<emac::BoardEmac*>(link)->on_irq(irq); },
        &emac_);
}

void TestServer::warn(ThreadContext& self, std::string_view what, std::string_view text) {
    ConsoleSink sink(board_.console, self);
    FrameLine(sink, "warn").word("what", what).text("text", text);
}

void TestServer::start_network(ThreadContext& self) {
    {
        net::NetGuard guard(net_, self);
        const auto started = emac_.start(guard->pool);
        if (!started) {
            warn(self, "emac",
                 started.error() == emac::StartError::no_memory ? "too few clusters for the ring"
                                                                : "the MAC does not leave reset");
        }
    }
    net_thread_.start(self);
    net_.configure(self, config_.net);
}

void TestServer::arm_defect(ThreadContext& self) {
    if (config_.defect_text.empty()) return;
    if constexpr (!defects::kBuilt) {
        warn(self, "defect", "this image has no planted failures");
    } else {
        planted_.arm(self, config_.defect);
        planted_.plant(config_.net.bug);
        const MissionBug bug = config_.net.bug.bug();
        ConsoleSink sink(board_.console, self);
        FrameLine(sink, "defect")
            .word("name",
                  bug != MissionBug::none ? name_of(bug) : defects::name_of(config_.defect.kind))
            .number("arg", config_.defect.argument);
    }
}

void TestServer::start_up(ThreadContext& self) {
    watchdogs_.start(self, fast_interrupts_);
    start_network(self);
    arm_defect(self);
    services_.start(self, [&](const char* name, const char* why) { warn(self, name, why); });
    heartbeat_.enable(config_.heartbeat);
    announcer_thread_.start(self);
}

}  // namespace kyu::app
