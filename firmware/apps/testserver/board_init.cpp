#include "apps/testserver/board_init.hpp"

#include "arch/armv7a/exceptions.hpp"
#include "board/orangepi-pc/boot_args.hpp"
#include "board/orangepi-pc/bring_up.hpp"
#include "board/orangepi-pc/memory_map.hpp"
#include "drivers/timer/cp15_timer.hpp"
#include "drivers/timer/timer.hpp"
#include "kernel/crash_record.hpp"
#include "kernel/frame_line.hpp"
#include "kernel/last_crash.hpp"
#include "kernel/port.hpp"

namespace kyu {
namespace {

// Other constructors may ask for the time or the kernel: these two come first.
constexpr int kFirst = 101;
constexpr int kSecond = 102;

[[gnu::init_priority(kFirst)]] GenericTimer<Cp15VirtualTimer> timer{Cp15VirtualTimer{}};
[[gnu::init_priority(kSecond)]] Kernel the_kernel;
bool kernel_is_there;

constinit app::BoardUart uart0{app::UartIo{MmioIo{board::kUart0}}};
constinit app::BoardGic the_gic{MmioIo{board::kGicDistributor}, MmioIo{board::kGicCpuInterface}};
Console the_console{uart0};

/// Hard to guess only as far as the moment of a boot is: the board has no better source that QEMU
/// has too.
struct Chance {
    std::uint64_t state{0};
    bool repeatable{false};

    std::uint64_t next() {
        constexpr std::uint64_t kGolden = 0x9E37'79B9'7F4A'7C15;
        state += kGolden;
        if (!repeatable) state ^= Cp15VirtualTimer{}.count() << 20U;
        std::uint64_t z = state;
        z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9;
        z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EB;
        return z ^ (z >> 31U);
    }
};
Chance chance;

void on_interrupt() {
    the_kernel.run_irq([](IrqContext& irq) { the_gic.dispatch(irq); });
    the_kernel.preempt_if_needed();
}

void on_alarm(IrqContext& irq, void* /*unused*/) {
    timer.disarm();
    irq.kernel().handle_alarm(irq);
}

void on_uart(IrqContext& irq, void* /*unused*/) { uart0.on_irq(irq); }

void wait_us(std::int64_t us) {
    const Instant end = timer.now() + Duration::from_us(us);
    while (timer.now() < end) {
    }
}

void stir_entropy() {
    // The RTC's date and time, and how far the counter came.
    constexpr std::uint32_t kDate = 0x10;
    constexpr std::uint32_t kTime = 0x14;
    const MmioIo rtc{board::kRtc};
    chance.state =
        (std::uint64_t{rtc.read(kDate)} << 32U | rtc.read(kTime)) ^ Cp15VirtualTimer {}.count();
}

void print_boot_line() {
    PolledSink sink;
    FrameLine line{sink, "boot"};
    line.number("v", 1).word("build", port::build_id());
#if defined(KYU_DEFECTS)
    line.word("image", "defects");
#else
    line.word("image", "release");
#endif
    line.number("cpu_hz_timer", timer.hz());
}

}  // namespace

namespace app {

Board board_init() {
    const MmioIo ccu{board::kCcu};
    const MmioIo pio{board::kPio};
    board::enable_uart0(ccu, pio);
    uart0.init(board::kUartClockHz);
    kernel_is_there = true;
    print_boot_line();
    PolledSink polled;
    LastCrash last{port::kept_memory()};
    print_last_crash(polled, last);
    stir_entropy();
    arch::set_irq_handler(&on_interrupt);
    the_gic.init();
    the_kernel.set_console(the_console);
    the_gic.attach(static_cast<unsigned>(board::Irq::timer_virtual), &on_alarm, nullptr);
    the_gic.attach(static_cast<unsigned>(board::Irq::uart0), &on_uart, nullptr);
    uart0.attach(the_console);
    const std::span<const char> page{reinterpret_cast<const char*>(board::kBootArgs),
                                     board::kBootArgsBytes};
    return {the_kernel, the_console, uart0, the_gic, board::find_boot_args(page)};
}

void enable_ethernet() {
    const MmioIo ccu{board::kCcu};
    const MmioIo system{board::kSystemControl};
    board::enable_emac(ccu, system, wait_us);
}

void seed_entropy(std::uint64_t seed) { chance = {seed, true}; }

}  // namespace app

namespace port {

Instant now() { return timer.now(); }
void set_alarm(Instant when) { timer.set_alarm(when); }
std::uint64_t entropy() { return chance.next(); }
void console_write_polled(std::string_view text) { uart0.write_polled(text); }
std::span<std::byte> kept_memory() {
    return {reinterpret_cast<std::byte*>(board::kKeptMemory), board::kKeptMemoryBytes};
}
Kernel& current_kernel() { return the_kernel; }
bool have_kernel() { return kernel_is_there; }

}  // namespace port
}  // namespace kyu
