// port.hpp: what an architecture must supply, and nothing else.
//
// Rules     Implemented once by arch/armv7a and once by port/host; the kernel knows only this page.
//           Time, entropy and order of events enter the system here and nowhere else.
// Context   said at each function. "off" = called with interrupts off, "any" = both.
// Lock      none; one core. No function here allocates or blocks.
// Calls up  The architecture calls into the kernel at five places only (kernel/kernel.hpp):
//             Kernel::start()             once, from the boot stack, interrupts off; never returns
//             Kernel::run_irq(handler)    around the handler of each interrupt, interrupts off
//             Kernel::handle_alarm(irq)   from inside run_irq, when the alarm interrupt fires
//             Kernel::preempt_if_needed() after run_irq, interrupts off, on the interrupted
//                                         thread's own stack, which also holds the interrupt frame
//             panic_fault(record)         from an exception (kernel/panic.hpp)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.hpp"

namespace kyu {

class Kernel;

/// Registers where a stack walk begins: ARM numbering, 11 fp, 13 sp, 14 lr, 15 pc. A port without
/// these registers fills pc, sp and fp with its own and leaves the others zero.
struct Registers {
    std::array<std::uintptr_t, 16> r{};
    std::uintptr_t status{};  ///< CPSR
    [[nodiscard]] std::uintptr_t fp() const { return r[11]; }
    [[nodiscard]] std::uintptr_t sp() const { return r[13]; }
    [[nodiscard]] std::uintptr_t lr() const { return r[14]; }
    [[nodiscard]] std::uintptr_t pc() const { return r[15]; }
};

/// What the symbol table of the image says of an address.
struct Symbol {
    std::string_view name{};  ///< empty: unknown
    std::uintptr_t offset{};  ///< bytes past the start of `name`
};

}  // namespace kyu

namespace kyu {

/// Where a schedule may depart from what the board would do. Each is one call of port::choose().
enum class ChoiceKind : std::uint8_t {
    point,      ///< a scheduling point: 0 goes on, k switches to threads[k - 1]
    turn,       ///< the processor is free: threads[k] gets it, 0 the most urgent
    preempt,    ///< something more urgent became ready: 0 it runs at once, 1 it waits
    time,       ///< a scheduling point takes this many times 100 us
    spurious,   ///< a wait on a condition: 1 comes back without having been woken
    allocation  ///< a packet buffer is asked for: 1 there is none
};

struct ChoicePoint {
    ChoiceKind kind{};
    unsigned options{};  ///< values 0 to options - 1 may be chosen; 0 is what the board would do
    std::uint16_t running{};                   ///< id of the running thread
    std::span<const std::uint16_t> threads{};  ///< ids of the ready ones, the most urgent first
};

}  // namespace kyu

namespace kyu::port {

#if defined(__linux__) || defined(__APPLE__)
inline constexpr bool kHosted = true;
#else
inline constexpr bool kHosted = false;
#endif

// ---- Threads -------------------------------------------------------------------------------

/// A thread that is not running: whatever the port saves of it. Zero means "never initialised".
struct Context {
    std::array<std::uintptr_t, 16> words{};
};

/// Prepares `context` so that the first switch to it calls `entry(argument)` on `stack` (lowest
/// byte first; the port aligns the top itself) with interrupts OFF. `entry` never returns. A stack
/// walk that reaches entry's caller must end there. Context: any.
void context_init(Context& context, std::span<std::byte> stack, void (*entry)(void*),
                  void* argument);

/// Saves the caller in `from` and goes on where `to` was saved. Returns when somebody switches to
/// `from`. Context: off, from a thread or at the end of an interrupt; returns with them off.
void context_switch(Context& from, Context& to);

/// The same without a past: from the boot stack into the first thread, or away from a thread that
/// has ended and whose stack may be used anew. Context: off.
[[noreturn]] void context_start(Context& to);

/// Below a thread's stack: so many bytes fault when they are touched. More than the largest frame
/// that the compiler accepts (firmware/cmake/kyu.cmake), so that none can step over them.
inline constexpr std::size_t kStackGuardBytes = kHosted ? 0 : 16384;
inline constexpr std::size_t kPageBytes = 4096;

/// Makes whole pages of the image's data fault on every access, and undoes it. Context: any.
#if defined(__linux__) || defined(__APPLE__)
inline void guard_pages(std::span<std::byte> /*pages*/) {}
inline void unguard_pages(std::span<std::byte> /*pages*/) {}
#else
void guard_pages(std::span<std::byte> pages);
void unguard_pages(std::span<std::byte> pages);
#endif

// ---- Interrupts ----------------------------------------------------------------------------

/// Turns interrupts off and returns what irq_restore() needs to put back the state before. Nests.
[[nodiscard]] unsigned irq_save();
void irq_restore(unsigned saved);
/// Turns interrupts on, whatever they were: the first act of a new thread.
void irq_enable();
/// True when interrupts are off on this core.
[[nodiscard]] bool irqs_are_off();

/// Sleeps until an interrupt is pending and lets it be taken; may return early. Only the idle
/// thread calls it, with interrupts ON: whatever the interrupt makes ready runs before this
/// returns. The host jumps its clock to the alarm here.
void wait_for_interrupt();

/// A place where the kernel might switch threads: the hosted port may do so (seeded schedules) or
/// charge time. Context: thread, interrupts on.
#if defined(__linux__) || defined(__APPLE__)
void scheduling_point();
/// Somebody explores schedules (port/host/schedule.hpp): choose() is worth asking. Never on the
/// board, where all this is compiled away.
[[nodiscard]] bool exploring();
/// What happens at `point`: a number below point.options. Context: any.
[[nodiscard]] unsigned choose(const ChoicePoint& point);
#else
inline void scheduling_point() {}
[[nodiscard]] constexpr bool exploring() { return false; }
[[nodiscard]] constexpr unsigned choose(const ChoicePoint& /*point*/) { return 0; }
#endif

/// True when whoever explores schedules says so; never on the board.
[[nodiscard]] inline bool choose_to(ChoiceKind kind) {
    return exploring() && choose({.kind = kind, .options = 2}) != 0;
}

// ---- Time and chance -----------------------------------------------------------------------

/// Microseconds since boot; never goes back. Context: any, cheap.
[[nodiscard]] Instant now();

/// One interrupt at `when` or as soon after it as possible; a time that has passed gives one at
/// once. Replaces the alarm before; Instant::never() disarms. Context: off.
void set_alarm(Instant when);

/// 64 bits, hard to guess if the hardware can; the hosted port's are seeded. Context: any.
[[nodiscard]] std::uint64_t entropy();

// ---- The last words ------------------------------------------------------------------------

/// Writes every byte before it returns, by polling, as is (callers end lines with CR LF). Works
/// in any context, in the middle of anything, before start() and after a fault.
void console_write_polled(std::string_view text);

/// Memory whose content survives a reset, for kernel/last_crash.hpp; empty where there is none. Not
/// cached: what was written is there, whatever happens next.
[[nodiscard]] std::span<std::byte> kept_memory();

/// Stops this core for good, interrupts off. The host goes back to whoever runs the machine.
[[noreturn]] void halt();

/// The registers of the caller as they are when this returns: pc is inside the caller.
void capture_registers(Registers& into);

/// Return addresses, innermost first, `start.pc()` the first of them. Reads nothing outside
/// `stack` (empty: the port's own boot and exception stacks) and the image; ends cleanly at damage
/// or a full `pcs`. Returns how many it wrote. Never faults. Context: off.
std::size_t walk_stack(const Registers& start, std::span<const std::byte> stack,
                       std::span<std::uintptr_t> pcs);

/// The same for a thread that is not running.
std::size_t walk_context(const Context& saved, std::span<const std::byte> stack,
                         std::span<std::uintptr_t> pcs);

/// Stack pointer of a thread that is not running; 0 when it never ran.
[[nodiscard]] std::uintptr_t saved_stack_pointer(const Context& saved);

/// The function that `pc` lies in.
[[nodiscard]] Symbol lookup(std::uintptr_t pc);

/// Identity of the image: lower-case hex, "unknown" when there is none.
[[nodiscard]] std::string_view build_id();

// ---- Who am I ------------------------------------------------------------------------------

/// The kernel of the board that runs on this core. The board has one static Kernel; one host
/// process may run many boards. Asking when there is none is a program error.
[[nodiscard]] Kernel& current_kernel();

/// False before the static Kernel is constructed, and on the host outside of a machine. Panic
/// paths ask this first.
[[nodiscard]] bool have_kernel();

}  // namespace kyu::port
