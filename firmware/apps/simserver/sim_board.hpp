// SimBoard: the test server's image as a host of a simulated world.
//
//     SimBoard board{{.name = "board", .address = Ipv4{10, 0, 0, 1}}};
//     world.join(board);
//     board.spawn("client", [&](ThreadContext& self) { … });
//
// Context   the driver, except what spawn() runs: firmware threads.
// Ownership owns everything of the board: kernel, stack, services, memory, spawned threads.
// Rules     the sources are those of the image: only the machine, the link and the UART differ.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/simserver/sim_shell_board.hpp"
#include "base/mission_bug.hpp"
#include "kernel/console.hpp"
#include "kernel/thread.hpp"
#include "net/net.hpp"
#include "port/host/console_port.hpp"
#include "port/host/host.hpp"
#include "port/host/machine.hpp"
#include "port/host/sim_link.hpp"
#include "services/announcer/announcer.hpp"
#include "services/heartbeat/heartbeat.hpp"
#include "services/shell/shell.hpp"
#include "services/test_services.hpp"

namespace kyu::app {

struct SimBoardConfig {
    std::string name{"board"};
    net::Ipv4 address{192, 168, 0, 73};
    std::uint8_t prefix_bits{24};
    net::Ipv4 gateway{};
    std::uint64_t seed{1};  ///< of the stack's random numbers
    bool heartbeat{false};
    Duration step{};   ///< virtual time that each kernel call costs
    PlantedBug bug{};  ///< nothing without KYU_DEFECTS
};

class SimBoard final : public host::Host {
public:
    using Body = std::function<void(ThreadContext&)>;
    static constexpr std::size_t kSegments = 4096 / net::kShrink;
    static constexpr std::size_t kClusters = 1024 / net::kShrink;
    static constexpr ServerWorkers kWorkers{.wang = 8, .doney = 2, .other = 1};

private:
    struct Memory {
        net::MbufMemory<kSegments, kClusters> packets;
        ServiceMemory services;
    };
    struct Spawned;

    SimBoardConfig config_;
    std::unique_ptr<Memory> memory_;
    net::MbufPool pool_;
    host::SimLink link_;
    net::Net net_;
    defects::Planted planted_;
    TestServices<kWorkers> services_;
    ThreadStack<16384> net_stack_;
    ThreadStack<16384> shell_stack_;
    ThreadStack<8192> heartbeat_stack_;
    ThreadStack<8192> announcer_stack_;
    Thread net_thread_;
    Thread shell_thread_;
    Thread heartbeat_thread_;
    Thread announcer_thread_;
    ThreadStack<8192> spawner_stack_;
    Semaphore spawn_wanted_{"spawn", 0};
    Thread spawner_thread_;
    std::vector<std::unique_ptr<Spawned>> spawned_;
    PoolEntry segments_entry_{"mbufs", pool_.segment_stats(), pool_.segment_guard()};
    PoolEntry clusters_entry_{"clusters", pool_.cluster_stats(), pool_.cluster_guard()};
    bool ready_{false};
    bool interrupt_raised_{false};  // by the link, and not taken yet
    Instant crashed_at_{};
    // After everything that its threads use: switching it off makes them harmless.
    host::Machine machine_;
    host::HostConsolePort uart_{machine_};
    Console console_{uart_};
    Announcer announcer_;
    Heartbeat heartbeat_;
    SimShellBoard shell_board_{machine_};
    Shell shell_;

    static SimBoard& me(void* argument) { return *static_cast<SimBoard*>(argument); }
    void start_up(ThreadContext& self);
    void start_spawned(ThreadContext& self);
    void remove_finished();

public:
    explicit SimBoard(SimBoardConfig config);
    ~SimBoard() override;

    // ---- host::Host -------------------------------------------------------------------------

    void receive(Instant now, std::span<const std::byte> frame) override;
    void run_until(Instant now) override;
    [[nodiscard]] Instant next_event() const override { return machine_.next_event(); }
    [[nodiscard]] bool crashed() const override { return machine_.crashed(); }
    void counters(const std::function<void(std::string_view, std::uint64_t)>& f) override;

    // ---- The board --------------------------------------------------------------------------

    /// Runs `body` as a thread of the firmware at the services' priority, from the next step of
    /// the world on. What `body` refers to lives until it has ended or the board is gone.
    void spawn(const std::string& name, Body body);
    /// Somebody types at the serial console.
    void type(std::string text) { uart_.type(std::move(text)); }

    [[nodiscard]] net::Net& net() { return net_; }
    [[nodiscard]] host::Machine& machine() { return machine_; }
    [[nodiscard]] const SimBoardConfig& config() const { return config_; }
    [[nodiscard]] net::MacAddress mac() const { return link_.mac(); }
    /// Every server listens and the address is in use.
    [[nodiscard]] bool ready() const { return ready_; }
    /// When it panicked; only if crashed().
    [[nodiscard]] Instant crashed_at() const { return crashed_at_; }
    [[nodiscard]] host::SimLink& link() { return link_; }
};

}  // namespace kyu::app
