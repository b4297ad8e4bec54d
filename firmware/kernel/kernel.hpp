// Kernel: the scheduler and everything that belongs to one board as a whole.
//
// Context   said at each function.
// Ownership one Kernel a board: static on the board, a member of host::Machine on the host. It owns
//           its idle thread and nothing else; threads, timers and pools belong to their callers.
// Lock      none; one core, so interrupts off (IrqsOff&) is the lock of every queue here. Each
//           operation is O(1), or bounded by kThreadsMax or kTimersMax where its header says so.
// Time      port::now(); one alarm, at the first deadline or the end of a time slice.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "base/event_ring.hpp"
#include "base/intrusive_list.hpp"
#include "kernel/context.hpp"
#include "kernel/crash_state.hpp"
#include "kernel/lock_order.hpp"
#include "kernel/pool_registry.hpp"
#include "kernel/port.hpp"
#include "kernel/thread.hpp"
#include "kernel/timer.hpp"

namespace kyu {

class Console;

inline constexpr std::size_t kEventsKept = 256;

/// What the kernel has counted since boot.
struct KernelCounters {
    Instant at{};              ///< when it was read
    std::uint32_t switches{};  ///< turns that began: each time another thread got the processor
    std::uint32_t irqs{};
    Duration idle{};  ///< processor time that nobody wanted, interrupts taken then included
};

/// Threads that are ready, the most urgent first. Interrupts off.
class ReadyQueue {
    std::array<IntrusiveList<Thread, QueueTag>, kPriorityLevels> levels_;
    std::uint32_t present_{0};  // bit n: level n is not empty

public:
    void push_back(Thread& thread);
    void push_front(Thread& thread);
    void remove(Thread& thread);
    /// The most urgent, or nullptr.
    [[nodiscard]] Thread* top();
    /// Calls f(Thread&) for each, the most urgent first.
    template <typename F>
    void for_each(F&& f) {
        for (auto& level : levels_) {
            for (Thread& thread : level) f(thread);
        }
    }
    [[nodiscard]] bool has_level(Priority priority) const {
        return ((present_ >> priority.level) & 1U) != 0;
    }
};

/// Memory that keeps the last of something for whoever explains a crash. `name`: a literal without
/// blanks; nullptr: no ring. What it holds says itself (net/frame_ring.hpp).
struct RingNote {
    const char* name{nullptr};
    const void* at{nullptr};
    std::uint32_t bytes{0};
};
inline constexpr std::size_t kRingNotesMax = 4;

class Kernel {
    friend class IrqsOff;
    friend class Mutex;
    friend class Thread;
    friend class ThreadContext;
    friend class Timer;
    friend class WaitQueue;

    ReadyQueue ready_;
    DeadlineQueue timers_;
    IntrusiveList<Thread, AllThreadsTag> threads_;
    Thread* current_{nullptr};
    bool started_{false};
    bool in_irq_{false};
    bool slice_over_{false};
    bool ready_changed_{false};  // since it was last decided who runs; for explored schedules
    std::uint16_t next_id_{0};
    std::uint16_t thread_count_{0};
    std::uint32_t irqs_{0};
    std::uint32_t switches_{0};
    Instant turn_began_{};
    Instant slice_ends_{};
    Instant alarm_{Instant::never()};
    WaitQueue sleepers_{"", "sleep"};
    LockOrder lock_order_;
    EventRing<kEventsKept> events_;
    PoolRegistry pools_;
    std::array<RingNote, kRingNotesMax> rings_{};
    Console* console_{nullptr};
    CrashState crash_;
    ThreadStack<4096> idle_stack_;
    Thread idle_;

    void admit(IrqsOff& off, Thread& thread);
    void admit_at_boot(Thread& thread);
    void make_ready(IrqsOff& off, Thread& thread);
    void wake(IrqsOff& off, Thread& thread, bool by_signal);
    bool block(IrqsOff& off, WaitQueue& queue, Instant deadline);
    KillResult kill(IrqsOff& off, Thread& thread);
    BlockResult block_thread(IrqsOff& off, Thread& thread);
    bool unblock_thread(IrqsOff& off, Thread& thread);
    static bool must_block(const Thread& thread);
    void check_may_sleep(Thread& self, const WaitQueue& queue);
    void set_priority(IrqsOff& off, Thread& thread, Priority priority);
    void inherit(IrqsOff& off, Thread* owner, Priority priority);
    void restore_priority(IrqsOff& off, Thread& thread);
    void arm(IrqsOff& off, Timer& timer, Instant deadline);
    void disarm(Timer& timer);
    void program_alarm();
    [[nodiscard]] bool should_preempt();
    void preempt_current(Thread* chosen = nullptr);
    // Explored schedules (explore.cpp); never called on the board.
    class ReadyIds;
    [[nodiscard]] Thread& explore_turn();
    [[nodiscard]] bool explore_preemption();
    void end_turn(Instant now);
    Thread& begin_turn(Instant now, Thread* chosen = nullptr);
    void dispatch(Thread* chosen = nullptr);
    void end_irqs_off();
    void yield(IrqsOff& off);
    [[noreturn]] void exit_current();
    static void thread_main(void* thread);
    static void idle_main(ThreadContext& self, void* argument);
    void enter_irq();
    void leave_irq() { in_irq_ = false; }

public:
    Kernel();
    ~Kernel();
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    // ---- Called by the architecture ---------------------------------------------------------

    /// Starts the first thread. From the boot stack, interrupts off, threads already admitted with
    /// Thread::start_at_boot().
    [[noreturn]] void start();
    /// Runs `handler(IrqContext&)` for one interrupt. Interrupts off; they stay off.
    template <typename Handler>
    void run_irq(Handler&& handler) {
        enter_irq();
        IrqContext irq{*this};
        std::forward<Handler>(handler)(irq);
        leave_irq();
    }
    /// The alarm has fired: runs timers that are due and ends time slices. May come too early.
    void handle_alarm(IrqContext& irq);
    /// Gives the processor to a more urgent thread, if there is one. At the end of an interrupt,
    /// after run_irq(), interrupts off, on the interrupted thread's stack. Does nothing before
    /// start().
    void preempt_if_needed();

    // ---- For everybody ----------------------------------------------------------------------

    /// Notes an event in the ring that a crash record prints. `what`: a literal without blanks.
    /// Context: any.
    void trace(const char* what, std::uint32_t a = 0, std::uint32_t b = 0);
    /// Copies the facts of the thread at `index`, 0 the oldest. False: there is none.
    bool thread_info(ThreadContext& self, std::size_t index, ThreadInfo& out);
    /// Counts for each thread that it is ready and does not run. One that was found so `limit`
    /// times without having run in between, the longest starved; or nullptr. For Watchdog.
    [[nodiscard]] const Thread* look_for_starved(IrqContext& irq, unsigned limit);
    /// Threads that have been started and have not ended, the idle thread included.
    [[nodiscard]] unsigned thread_count() const { return thread_count_; }
    [[nodiscard]] KernelCounters counters(ThreadContext& self);
    /// Processor time of `thread`, the running one's present turn included.
    [[nodiscard]] Duration cpu_until_now(IrqsOff& off, const Thread& thread) const;
    [[nodiscard]] std::uint32_t irq_count() const { return irqs_; }
    [[nodiscard]] bool started() const { return started_; }
    [[nodiscard]] PoolRegistry& pools() { return pools_; }
    /// Crash records tell where this memory is. Once a ring; of too many the last are left out.
    void note_ring(const RingNote& ring);
    [[nodiscard]] std::span<const RingNote> rings() const { return rings_; }
    /// The console whose queued output a panic writes out before its own. Set once, at boot.
    void set_console(Console& console) { console_ = &console; }

    // ---- For crash reports and the hosted port: interrupts off, everything else stopped ------

    [[nodiscard]] Thread* current() { return current_; }
    [[nodiscard]] bool in_irq() const { return in_irq_; }
    [[nodiscard]] IntrusiveList<Thread, AllThreadsTag>& threads() { return threads_; }
    [[nodiscard]] const EventRing<kEventsKept>& events() const { return events_; }
    [[nodiscard]] Console* console() { return console_; }
    /// The hosted port, at a scheduling point while schedules are explored, interrupts on: another
    /// thread may be chosen to run.
    void explore_point();
    [[nodiscard]] CrashState& crash() { return crash_; }
    static const port::Context& context_of(const Thread& thread) { return thread.context_; }
    static IntrusiveList<Mutex, HeldTag>& held_by(Thread& thread) { return thread.held_; }
    /// The board is switched off: forgets threads, waiters, owners and timers, so that the objects
    /// may be destroyed in any order. No thread may run afterwards.
    void power_off();
};

}  // namespace kyu
