// The first C++ of the image: brings up the board, makes the test server, starts the kernel.
//
// Context   boot stack, interrupts off, until Kernel::start().
#include <array>
#include <cstddef>
#include <new>

#include "apps/testserver/board_init.hpp"
#include "apps/testserver/boot_config.hpp"
#include "apps/testserver/test_server.hpp"
#include "kernel/crash_record.hpp"

namespace kyu::app {
namespace {

// Memory whose object is made by hand, so that it is made when the board is ready for it.
template <typename T>
struct Raw {
    alignas(T) std::array<std::byte, sizeof(T)> bytes;
};

[[gnu::section(".noinit")]] Raw<Memory> memory;
[[gnu::section(".dma")]] emac::BoardEmac::Area emac_area;
Raw<TestServer> server;

[[noreturn]] void run() {
    static Board board = board_init();
    PolledSink console;
    const BootConfig config = read_boot_config(board.args, console);
    if (config.seed) seed_entropy(*config.seed);
    enable_ethernet();  // first of all: without its clock the device has no MAC address to tell
    // Default-initialised: the pools write what they need themselves.
    auto* large = ::new (static_cast<void*>(memory.bytes.data())) Memory;
    auto* made = ::new (static_cast<void*>(server.bytes.data()))
        TestServer(board, config, *large, emac_area);
    made->start_at_boot();
    board.kernel.start();
}

}  // namespace
}  // namespace kyu::app

extern "C" [[noreturn]] void kyu_main() { kyu::app::run(); }
