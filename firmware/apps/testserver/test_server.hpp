// TestServer: every object of the test server's image, and how they are joined.
//
// Context   constructed on the boot stack with interrupts off; start_up() runs on the shell's
//           thread, which becomes the shell afterwards.
// Ownership one static object; everything in it lives as long as the board.
#pragma once

#include <string_view>

#include "apps/testserver/board_init.hpp"
#include "apps/testserver/board_shell.hpp"
#include "apps/testserver/boot_config.hpp"
#include "apps/testserver/watchdogs.hpp"
#include "drivers/emac/board_emac.hpp"
#include "net/net.hpp"
#include "services/announcer/announcer.hpp"
#include "services/defects/planted.hpp"
#include "services/heartbeat/heartbeat.hpp"
#include "services/shell/shell.hpp"
#include "services/test_services.hpp"

namespace kyu::app {

inline constexpr Priority kNetPriority{8};
inline constexpr Priority kShellPriority{12};
inline constexpr std::size_t kMbufSegments = 16384;
inline constexpr std::size_t kMbufClusters = 4096;
inline constexpr ServerWorkers kWorkers{.wang = 64, .doney = 8, .other = 2};

/// Large memory that needs no clearing at boot.
struct Memory {
    net::MbufMemory<kMbufSegments, kMbufClusters> packets;
    ServiceMemory services;
};

class TestServer {
    Board& board_;
    BootConfig config_;

    net::MbufPool pool_;
    emac::BoardEmac emac_;
    net::Net net_;
    PoolEntry segments_entry_{"mbufs", pool_.segment_stats(), pool_.segment_guard()};
    PoolEntry clusters_entry_{"clusters", pool_.cluster_stats(), pool_.cluster_guard()};

    defects::Planted planted_;
    TestServices<kWorkers> services_;

    Announcer announcer_;
    Heartbeat heartbeat_;
    BoardShell board_shell_;
    Shell shell_;
    Watchdogs watchdogs_;
    bool fast_interrupts_;

    ThreadStack<16384> net_stack_;
    ThreadStack<16384> shell_stack_;
    ThreadStack<8192> heartbeat_stack_;
    ThreadStack<8192> announcer_stack_;
    Thread net_thread_;
    Thread shell_thread_;
    Thread heartbeat_thread_;
    Thread announcer_thread_;

    void warn(ThreadContext& self, std::string_view what, std::string_view text);
    void start_up(ThreadContext& self);
    void start_network(ThreadContext& self);
    void arm_defect(ThreadContext& self);

public:
    TestServer(Board& board, const BootConfig& config, Memory& memory,
               emac::BoardEmac::Area& emac_area);
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    /// Before Kernel::start().
    void start_at_boot() { shell_thread_.start_at_boot(board_.kernel); }
};

}  // namespace kyu::app
