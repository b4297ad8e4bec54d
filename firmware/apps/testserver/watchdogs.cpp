#include "apps/testserver/watchdogs.hpp"

#include "board/orangepi-pc/memory_map.hpp"
#include "drivers/watchdog/watchdog.hpp"
#include "kernel/frame_line.hpp"
#include "services/server/tcp_server.hpp"

namespace kyu::app {
namespace {

constexpr Duration kFeedPeriod = Duration::from_ms(500);

}  // namespace

Watchdogs::Watchdogs(Board& board, const WatchdogConfig& config)
    : board_(board),
      config_(config),
      feeder_("watchdog", kServicePriority, stack_.span(), &Watchdogs::feed, nullptr) {}

void Watchdogs::feed(ThreadContext& self, void* /*unused*/) {
    MmioIo io{board::kWatchdog};
    for (;;) {
        watchdog::feed(io);
        self.sleep_for(kFeedPeriod);
    }
}

void Watchdogs::start(ThreadContext& self, bool fast) {
    MmioIo io{board::kWatchdog};
    if (config_.on) {
        threads_.start(self);
        watchdog::start(io, config_.hardware_s);
        feeder_.start(self);
    } else {
        watchdog::stop(io);  // a boot loader may have left it running
    }
    ConsoleSink sink(board_.console, self);
    FrameLine(sink, "watchdog")
        .number("threads", config_.on ? 1 : 0)
        .number("fiq", fast ? 1 : 0)
        .number("hardware_s", config_.on ? config_.hardware_s : 0);
}

}  // namespace kyu::app
