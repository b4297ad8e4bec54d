// The rows of the menu i that need the H3's devices. Each either answers within a fraction of a
// second or says that this board does not answer: QEMU has no GPIO, thermal sensor, I2C, watchdog.
//
// Context   the shell's thread (services/selftest/selftest.hpp). No driver owns these devices; what
//           a test changes it puts back.
#include <array>

#include "apps/testserver/board_shell.hpp"
#include "arch/armv7a/cores.hpp"
#include "arch/armv7a/cp15.hpp"
#include "arch/armv7a/cpu_id.hpp"
#include "board/orangepi-pc/bring_up.hpp"
#include "board/orangepi-pc/core_power.hpp"
#include "board/orangepi-pc/memory_map.hpp"
#include "board/orangepi-pc/test_devices.hpp"
#include "kernel/port_dma.hpp"
#include "net/checksum.hpp"

namespace kyu::app {

extern "C" std::uint32_t x_sum(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d);

namespace {

using namespace time_literals;
using selftest::Run;
using NeonWords = std::array<std::uint64_t, 16>;

constexpr MmioIo kCcu{board::kCcu};
constexpr MmioIo kPio{board::kPio};
constexpr MmioIo kPortL{board::kPortL};

void test_gpio(ThreadContext& self, Run& run) {
    const std::uint32_t config = kPio.read(board::PortAConfig0::offset);
    if (config == 0) return run.not_answered();
    run.say(self, "  port A: function {:08x}, data {:08x}\n", config,
            kPio.read(board::PortData::offset));
    run.expect(board::PortAConfig0::Pin4::in(config) == board::PortAConfig0::kUart0 &&
                   board::PortAConfig0::Pin5::in(config) == board::PortAConfig0::kUart0,
               "PA4 and PA5 belong to the console");
}

/// Ticks of timer 1 during `ticks` of the generic timer's microseconds; 0: it does not count.
std::uint32_t timer1_ticks_in(ThreadContext& self, Run& run, Duration duration) {
    const MmioIo timers{board::kTimers};
    const IrqsOff off{self};
    const std::uint32_t first = timers.read(board::Timer1Current::offset);
    run.board().spend(duration);
    return first - timers.read(board::Timer1Current::offset);
}

void test_clock(ThreadContext& self, Run& run) {
    const std::uint32_t pll = kCcu.read(board::PllCpu::offset);
    const std::uint32_t mhz =
        24 * (board::PllCpu::FactorN::in(pll) + 1) * (board::PllCpu::FactorK::in(pll) + 1) /
        ((board::PllCpu::FactorM::in(pll) + 1) << board::PllCpu::DividerP::in(pll));
    run.say(self, "  CPU PLL {:08x}: {} MHz\n", pll, mhz);
    const MmioIo timers{board::kTimers};
    const std::uint32_t before = timers.read(board::Timer1Control::offset);
    timers.write(board::Timer1Interval::offset, ~0U);
    timers.write(board::Timer1Control::offset, board::Timer1Control::Enable::of(1) |
                                                   board::Timer1Control::Reload::of(1) |
                                                   board::Timer1Control::Source::of(1));
    constexpr std::uint32_t kExpected = board::kCrystalHz / 500;  // in 2 ms
    bool agrees = false;
    std::uint32_t ticks = 0;
    // An emulator may be held up between two readings: one try in ten that agrees is enough.
    for (int i = 0; i < 10 && !agrees; ++i) {
        ticks = timer1_ticks_in(self, run, 2_ms);
        agrees = ticks > kExpected - kExpected / 20 && ticks < kExpected + kExpected / 20;
    }
    timers.write(board::Timer1Control::offset, before & ~board::Timer1Control::Enable::mask);
    run.say(self, "  timer 1 counted {} in 2 ms of the generic timer\n", ticks);
    if (ticks == 0) return run.not_answered();
    run.expect(agrees, "the crystal's timer and the generic timer agree to 5 %");
}

void test_registers(ThreadContext& self, Run& run) {
    constexpr std::uint32_t kCortexA7 = 0xC07;
    constexpr std::uint32_t kMmuAndCaches = 1U << 0U | 1U << 2U | 1U << 12U;
    const std::uint32_t midr = arch::read_midr();
    const std::uint32_t sctlr = arch::read_sctlr();
    Registers here;
    port::capture_registers(here);
    run.say(self, "  MIDR {:08x}, MPIDR {:08x}, SCTLR {:08x}, CPSR {:08x}, SP {:08x}\n", midr,
            arch::read_mpidr(), sctlr, here.status, here.sp());
    run.expect((midr >> 4U & 0xFFFU) == kCortexA7, "the processor is a Cortex-A7");
    run.expect((arch::read_mpidr() & 0xFFU) == 0, "this is core 0");
    run.expect((sctlr & kMmuAndCaches) == kMmuAndCaches, "MMU and caches are on");
    run.expect((here.status & 0x1FU) == 0x13U, "threads run in SVC mode");
    run.expect(run.board().memory_at(0) == ShellBoard::Memory::none, "address 0 is not mapped");
}

void test_call(ThreadContext& self, Run& run) {
    const ShellBoard::Function sum = run.board().find_function("x_sum");
    // Bit 0 of a pointer to a function is its state.
    run.expect(sum.count == 1 && sum.address == (reinterpret_cast<std::uintptr_t>(&x_sum) & ~1U),
               "the image's symbol table knows x_sum");
    if (sum.count != 1) return;
    const std::uint32_t result = run.board().call(sum.address, {1, 20, 300, 4000});
    run.say(self, "  x_sum at {:08x} says {}\n", sum.address, result);
    run.expect(result == 4321, "four arguments arrive, and one result");
}

/// Runs on another core: which one it is, and the number it was given.
std::uint32_t tell_core(std::uint32_t number) noexcept {
    return arch::read_mpidr() << 24U | (number & 0xFF'FFFFU);
}

void test_cores(ThreadContext& self, Run& run) {
    for (unsigned core = 1; core < board::kCores; ++core) {
        // The second time it is woken from where it was parked after the first.
        for (const std::uint32_t number : {0x12'3456U, 0x65'4321U}) {
            const auto told = arch::run_on_core(self, core, tell_core, number, 1_s);
            if (!told) return run.fail("core {} does not answer", core);
            run.expect(*told == (core << 24U | number),
                       "a core tells its number and the one given");
        }
        const Instant give_up = self.now() + 1_s;
        while (arch::core_state(core) != arch::CoreState::parked && self.now() < give_up) {
            self.sleep_for(1_ms);
        }
        run.expect(arch::core_state(core) == arch::CoreState::parked, "it is parked again");
        run.say(self, "  core {} ran twice and is parked\n", core);
    }
}

void test_watchdog(ThreadContext& self, Run& run) {
    constexpr std::uint32_t kMode = 0x18;
    constexpr std::uint32_t kPeriod = 0xB0;  // 16 s, not enabled
    const MmioIo watchdog{board::kWatchdog};
    const std::uint32_t mode = watchdog.read(kMode);
    run.say(self, "  mode {:08x}\n", mode);
    if ((mode & 1U) != 0) return;  // somebody feeds it: it answers, and is left alone
    const IrqsOff off{self};
    watchdog.write(kMode, kPeriod);
    const std::uint32_t read = watchdog.read(kMode);
    watchdog.write(kMode, mode);
    if (read == 0) return run.not_answered();
    run.expect((read & 0xF1U) == kPeriod, "its period can be set");
}

void test_thermal(ThreadContext& self, Run& run) {
    board::set_bits(kCcu, board::Gate2ForTests::offset, board::Gate2ForTests::Thermal::mask);
    board::set_bits(kCcu, board::Reset3ForTests::offset, board::Reset3ForTests::Thermal::mask);
    board::set_bits(kCcu, board::ThermalClock::offset, board::ThermalClock::Enable::mask);
    const MmioIo sensor{board::kThermal};
    sensor.write(board::ThermalControl0::offset, board::ThermalControl0::kAcquire);
    sensor.write(board::ThermalFilter::offset, board::ThermalFilter::kAverageOf4);
    sensor.write(board::ThermalControl2::offset,
                 board::ThermalControl2::Acquire::of(board::ThermalControl0::kAcquire) |
                     board::ThermalControl2::Enable::of(1));
    std::uint32_t data = 0;
    for (int i = 0; i < 50 && data == 0; ++i) {
        self.sleep_for(10_ms);
        data = sensor.read(board::ThermalData::offset);
    }
    if (data == 0) return run.not_answered();
    const std::int32_t millidegrees = board::thermal_millidegrees(data);
    run.say(self, "  {} thousandths of a degree Celsius\n", millidegrees);
    run.expect(millidegrees > 0 && millidegrees < 110'000, "a temperature that a chip can have");
}

/// False: nothing came back.
bool loop_one(ThreadContext& self, const MmioIo& uart, std::uint32_t byte, std::uint32_t& back) {
    uart.write(board::kUartData, byte);
    const Instant give_up = self.now() + 100_ms;
    while ((uart.read(board::kUartLineStatus) & board::kUartReceived) == 0) {
        if (self.now() >= give_up) return false;
        self.sleep_for(100_us);
    }
    back = uart.read(board::kUartData);
    return true;
}

void test_uart(ThreadContext& self, Run& run) {
    board::set_bits(kCcu, board::Reset4ForTests::offset, board::Reset4ForTests::Uart1::mask);
    board::set_bits(kCcu, board::Gate3ForTests::offset, board::Gate3ForTests::Uart1::mask);
    const MmioIo uart{board::kUart1};
    uart.write(board::kUartIrqEnable, 0);
    uart.write(board::kUartLine, board::kUartDivisorAccess);
    uart.write(board::kUartData, 13);  // 115200 Bd of 24 MHz
    uart.write(board::kUartIrqEnable, 0);
    uart.write(board::kUartLine, board::kUartEightBits);
    uart.write(board::kUartFifo, 7);  // on and empty
    uart.write(board::kUartModem, board::kUartLoop);
    if ((uart.read(board::kUartLineStatus) & board::kUartEmpty) == 0) return run.not_answered();
    for (const std::uint32_t byte : {0x00U, 0x55U, 0xAAU, 0xFFU}) {
        std::uint32_t back = 0;
        if (!loop_one(self, uart, byte, back)) {
            run.fail("{:02x} does not come back", byte);
            break;
        }
        run.expect(back == byte, "what is sent comes back");
    }
    uart.write(board::kUartModem, 0);
    run.say(self, "  UART1 talked to itself\n");
}

void open_port_l() {
    board::set_bits(MmioIo{board::kPrcm}, board::PortLGate::offset, board::PortLGate::Enable::mask);
}

void test_button(ThreadContext& self, Run& run) {
    open_port_l();
    // No pull-up, no pin: a port that is there does not read as all zeros.
    const std::uint32_t config = kPortL.read(board::PortLConfig0::offset);
    const std::uint32_t data = kPortL.read(board::PortData::offset);
    if (config == 0 && data == 0) return run.not_answered();
    const bool pressed = (data >> board::kPowerKeyPin & 1U) == 0;
    run.say(self, "  the power key is {}\n", pressed ? "pressed" : "not pressed");
    run.expect(board::PortLConfig0::Pin3::in(config) != board::kPinOutput, "its pin is no output");
}

void test_led(ThreadContext& self, Run& run) {
    constexpr std::uint32_t kLed = 1U << board::kGreenLedPin;
    open_port_l();
    const std::uint32_t config = kPortL.read(board::PortLConfig1::offset);
    const std::uint32_t data = kPortL.read(board::PortData::offset);
    kPortL.write(board::PortLConfig1::offset,
                 (config & ~board::PortLConfig1::Pin10::mask) |
                     board::PortLConfig1::Pin10::of(board::kPinOutput));
    if (kPortL.read(board::PortLConfig1::offset) == 0) return run.not_answered();
    for (int i = 0; i < 3; ++i) {
        for (const bool on : {true, false}) {
            kPortL.write(board::PortData::offset, on ? data | kLed : data & ~kLed);
            const bool reads = (kPortL.read(board::PortData::offset) & kLed) != 0;
            run.expect(reads == on, "the pin follows");
            self.sleep_for(100_ms);
        }
    }
    kPortL.write(board::PortData::offset, data);
    kPortL.write(board::PortLConfig1::offset, config);
}

void test_i2c(ThreadContext& self, Run& run) {
    board::set_bits(kCcu, board::Reset4ForTests::offset, board::Reset4ForTests::Twi0::mask);
    board::set_bits(kCcu, board::Gate3ForTests::offset, board::Gate3ForTests::Twi0::mask);
    const MmioIo twi{board::kTwi0};
    twi.write(board::TwiSoftReset::offset, board::TwiSoftReset::Reset::of(1));
    self.sleep_for(1_ms);
    const std::uint32_t status = twi.read(board::TwiStatus::offset);
    if (status == 0) return run.not_answered();
    run.say(self, "  TWI0 status {:02x}\n", status);
    run.expect(status == board::TwiStatus::kIdle, "the bus is idle");
    run.expect(twi.read(board::TwiSoftReset::offset) == 0, "its reset has ended");
}

void test_cache(ThreadContext& self, Run& run) {
    constexpr std::size_t kLine = 64;
    alignas(kLine) static std::array<std::uint32_t, 1024> area;
    const std::uint32_t ctr = arch::read_ctr();
    run.say(self, "  CTR {:08x}, CLIDR {:08x}: data lines of {} bytes\n", ctr, arch::read_clidr(),
            4U << (ctr >> 16U & 15U));
    run.expect((4U << (ctr >> 16U & 15U)) == kLine, "a line is as long as the drivers think");
    for (std::uint32_t round = 1; round <= 16; ++round) {
        for (std::size_t i = 0; i < area.size(); ++i) area[i] = round << 16U | i;
        port::dma_clean(area.data(), sizeof area);
        port::dma_invalidate(area.data(), sizeof area);  // only memory knows now
        for (std::size_t i = 0; i < area.size(); ++i) {
            run.expect(area[i] == (round << 16U | i), "what was cleaned is in memory");
        }
    }
}

/// Keeps `words` in d16-d31 for some hundred thousand instructions and returns what they are then.
NeonWords keep_in_neon(const NeonWords& words) {
    NeonWords after{};
    std::uint32_t turns = 200'000;
    __asm__ volatile(
        ".fpu neon-vfpv4\n\t"
        "vldmia %[from], {d16-d31}\n"
        "1:\n\t"
        "subs   %[turns], %[turns], #1\n\t"
        "bne    1b\n\t"
        "vstmia %[to], {d16-d31}"
        : [turns] "+r"(turns)
        : [from] "r"(words.data()), [to] "r"(after.data())
        : "cc", "memory");
    return after;
}

void test_neon(ThreadContext& self, Run& run) {
    NeonWords words{};
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = 0x0101'0101'0101'0101U * (i + 1);
    std::array<std::byte, 1024> bytes{};
    volatile unsigned sums = 0;
    volatile bool enough = false;
    auto summing = [&](ThreadContext& me) {
        while (!enough) {
            me.sleep_for(200_us);
            net::Checksum sum;  // uses d16-d31 itself
            sum.add(bytes);
            if (sum.finish() == 0xFFFF) sums = sums + 1;
        }
    };
    selftest::Threads threads{self, run};
    threads.start("i-neon", selftest::kUrgent, summing);
    bool kept = true;
    const Instant give_up = self.now() + selftest::kPatience;
    for (unsigned before = 0; before < 20 && self.now() < give_up; before = sums) {
        kept = kept && keep_in_neon(words) == words;
    }
    run.expect(sums >= 20, "a thread has summed meanwhile");
    run.expect(kept, "an interrupt keeps NEON's registers for who it interrupted");
    enough = true;
}

void test_board_info(ThreadContext& self, Run& run) {
    run.say(self, "  build {}, {} KiB of DRAM at {:08x}\n", port::build_id(),
            board::kDramBytes / 1024, board::kDram);
    const MmioIo sid{board::kSid};
    std::uint32_t any = 0;
    for (std::uint32_t word = 0; word < board::kSidKeyWords; ++word) {
        sid.write(board::SidControl::offset,
                  board::SidControl::Offset::of(4 * word) |
                      board::SidControl::OpLock::of(board::SidControl::kUnlock) |
                      board::SidControl::ReadStart::of(1));
        const Instant give_up = self.now() + 100_ms;
        while (board::SidControl::ReadStart::in(sid.read(board::SidControl::offset)) != 0) {
            if (self.now() >= give_up) return run.not_answered();
        }
        const std::uint32_t key = sid.read(board::SidReadKey::offset);
        run.say(self, "  fuses {}: {:08x}\n", word, key);
        any |= key;
    }
    run.expect(any != 0, "the chip has an identity");
}

}  // namespace

std::span<const selftest::Test> board_tests() {
    static constexpr std::array<selftest::Test, 14> kTests{{
        {"gpio", "the console's pins", test_gpio},
        {"clock", "CPU clock; two timers agree", test_clock},
        {"registers", "of the processor", test_registers},
        {"call", "a function by its name", test_call},
        {"cores", "cores 1 to 3 run a function each and are parked", test_cores},
        {"watchdog", "its registers", test_watchdog},
        {"thermal", "the chip's temperature", test_thermal},
        {"uart", "UART1 in loop-back", test_uart},
        {"button", "the power key", test_button},
        {"led", "the green LED blinks", test_led},
        {"i2c", "TWI0 is idle", test_i2c},
        {"cache", "clean, invalidate, read back", test_cache},
        {"neon", "its registers outlive an interrupt", test_neon},
        {"info", "build, memory, fuses", test_board_info},
    }};
    return kTests;
}

}  // namespace kyu::app
