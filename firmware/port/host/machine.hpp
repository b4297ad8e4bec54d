// host::Machine: one simulated board: a Kernel on fibres, with virtual time.
//
// Context   the host thread that calls run_until() is the "driver"; between calls the machine
//           stands still and its objects may be looked at. One machine runs at a time in a host
//           thread; many may exist, each with its own Kernel, clock and console.
// Ownership the machine owns the Kernel. Threads and their stacks belong to the caller; destroying
//           or crashing the machine switches it off (Kernel::power_off), so that they may die in
//           any order afterwards. Declare the machine after the objects its threads use.
// Time      moves only when every thread waits (it jumps to the next alarm or event), when a thread
//           spends it (spend()), and by MachineConfig::step at each kernel call.
// Order     everything that happens is a function of the configuration and of what the driver does:
//           the same seed gives the same run.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "kernel/kernel.hpp"
#include "kernel/port.hpp"
#include "port/host/schedule.hpp"

namespace kyu::host {

struct MachineConfig {
    std::uint64_t seed{1};
    Duration step{};  ///< virtual time that each kernel call costs
};

/// Why run_until() came back.
enum class Stop : std::uint8_t {
    deadline,  ///< the clock has reached the limit
    idle,      ///< every thread waits and nothing will ever happen by itself
    asked,     ///< request_stop()
    crashed,   ///< panic: console_text() ends with the crash record
};
[[nodiscard]] const char* to_text(Stop stop);

/// What a panic left behind.
struct CrashInfo {
    PanicKind kind{};
    std::string reason;
    std::string thread;  ///< the current one; empty before the first
    std::string text;    ///< queued output, traceback and record, as on the serial line
};

class Machine {
public:
    using IrqHandler = std::function<void(IrqContext&)>;

    explicit Machine(const MachineConfig& config = {});
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// For good: the objects that threads use may be destroyed in any order afterwards. The
    /// destructor does it too.
    void switch_off();
    [[nodiscard]] Kernel& kernel() { return *kernel_; }
    [[nodiscard]] Instant now() const { return now_; }
    [[nodiscard]] bool crashed() const { return crashed_; }
    /// Set once crashed().
    [[nodiscard]] const CrashInfo& crash() const { return crash_; }
    /// Everything that panics and console ports have written.
    [[nodiscard]] const std::string& console_text() const { return console_text_; }

    // ---- The driver's side ------------------------------------------------------------------

    /// Runs until the clock reaches `limit` or something else stops the machine. The first call
    /// starts the kernel: threads must have been admitted with Thread::start_at_boot().
    Stop run_until(Instant limit);
    Stop run_for(Duration duration) { return run_until(now_ + duration); }
    Stop run_until_idle() { return run_until(Instant::never()); }
    /// Raises an interrupt at `when`: `handler` runs in its IrqContext. From both sides. Events of
    /// the same time run in the order they were made.
    void at(Instant when, IrqHandler handler);
    /// Raises an interrupt now, taken as soon as interrupts are on.
    void raise(IrqHandler handler) { at(now_, std::move(handler)); }
    /// When this machine will next do something by itself; never() when it waits for the driver.
    [[nodiscard]] Instant next_event() const;
    /// Called at every scheduling point (kernel/port.hpp), interrupts on, on the thread's fibre.
    void on_scheduling_point(std::function<void(Machine&)> hook) { hook_ = std::move(hook); }

    /// From now on `choices` decides who runs and what goes wrong; nullptr: the board's priorities.
    /// `host` tells this machine from others that share the stream.
    void explore(Choices* choices, unsigned host = 0) {
        choices_ = choices;
        host_ = host;
    }

    // ---- The firmware's side (threads of this machine) --------------------------------------

    /// The calling thread computes for `duration`: time passes, interrupts come.
    void spend(Duration duration);
    /// run_until() returns when the calling thread next gives up the processor.
    void request_stop() { stop_requested_ = true; }
    /// The machine whose fibre is running; nullptr in the driver.
    static Machine* current();

    // ---- What port.hpp needs ----------------------------------------------------------------

    /// Output of a UART.
    void write_console(std::string_view text) { console_text_.append(text); }
    /// Output of a panic.
    void write_crash(std::string_view text);
    [[nodiscard]] bool irqs_off() const { return irqs_off_; }
    unsigned irq_save();
    void irq_restore(unsigned saved);
    void set_alarm(Instant when) { alarm_ = when; }
    void wait_for_interrupt();
    void scheduling_point();
    void marked_point();
    [[nodiscard]] bool exploring() const {
        return choices_ != nullptr && kernel_->crash().depth == 0;
    }
    unsigned choose(const ChoicePoint& point) { return choices_->choose(point, host_); }
    [[nodiscard]] std::uint64_t entropy();
    void switch_fibres(port::Context& from, port::Context& to);
    [[noreturn]] void start_fibre(port::Context& to);
    [[noreturn]] void halt();

private:
    static constexpr std::size_t kBootStack = 256UL * 1024;
    static constexpr unsigned kStandstillMax = 5'000'000;

    std::unique_ptr<Kernel> kernel_;
    std::unique_ptr<std::array<std::byte, kBootStack>> boot_stack_;
    MachineConfig config_;
    std::uint64_t random_state_;
    Instant now_{};
    Instant limit_{};
    Instant alarm_{Instant::never()};
    Instant busy_until_{Instant::never()};  // paused in spend(): when it will be over
    std::multimap<Instant, IrqHandler> events_;
    std::multimap<Instant, IrqHandler>::node_type event_in_progress_;
    bool irqs_off_{true};
    bool crashed_{false};
    bool stop_requested_{false};
    unsigned standstill_{0};  // scheduling points since the clock last moved
    Stop stop_{Stop::idle};
    std::string console_text_;
    CrashInfo crash_;
    std::function<void(Machine&)> hook_;
    Choices* choices_{nullptr};
    unsigned host_{0};
    port::Context driver_{};
    port::Context boot_{};
    port::Context* resume_{&boot_};
    port::Context paused_{};

    static void boot(void* machine);
    void pause(Stop why);
    void advance_to(Instant when);
    void deliver_due();
    void explore_point();
    [[nodiscard]] Instant next_interrupt() const;
    [[nodiscard]] bool interrupt_pending() const;
};

}  // namespace kyu::host
