// Thread: one flow of control with its own stack.
//
// Context   start, join, kill, block and unblock from threads; start_at_boot before
//           Kernel::start().
// Ownership the caller owns Thread and stack, usually static, and keeps both until the thread has
//           ended (CHECKed). A thread that has ended may be started again.
// Lock      scheduling state changes with interrupts off only, by Kernel.
// Order     strict priority, pre-emptive; first come first served with slices of kTimeSlice among
//           equals.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/intrusive_list.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"
#include "kernel/mutex.hpp"
#include "kernel/port.hpp"
#include "kernel/timer.hpp"
#include "kernel/wait_queue.hpp"

namespace kyu {

inline constexpr std::size_t kThreadsMax = 128;
static_assert(kTimersMax >= kThreadsMax + 32, "each thread may wait with a deadline");
inline constexpr unsigned kPriorityLevels = 32;
inline constexpr Duration kTimeSlice = Duration::from_ms(10);

/// 0 the most urgent, 31 the least.
struct Priority {
    std::uint8_t level;
    constexpr explicit Priority(unsigned n) : level(static_cast<std::uint8_t>(n)) {
        CHECK(n < kPriorityLevels);
    }
    [[nodiscard]] constexpr bool more_urgent_than(Priority other) const {
        return level < other.level;
    }
    friend constexpr bool operator==(Priority, Priority) = default;
};

enum class ThreadState : std::uint8_t { created, ready, running, waiting, finished, blocked };

/// What kill() came to.
enum class KillResult : std::uint8_t {
    asked,  ///< it accepts kill(): its waits end, and it will return from its entry
    deaf,   ///< it has not called accept_kill(): nothing has happened
    ended   ///< it was not running
};

/// What block() came to.
enum class BlockResult : std::uint8_t {
    blocked,  ///< it does not run until unblock()
    later,    ///< it holds or waits for a mutex: it blocks as it gives the last one back
    refused   ///< it has ended, or is the idle thread
};
[[nodiscard]] const char* to_text(ThreadState state);

/// Memory for a stack of at least `Bytes`, above pages that fault while it lives: who grows beyond
/// it is found at the first byte. Hosted code needs far more stack than the board's (libc,
/// sanitizers), hence the addition there.
template <std::size_t Bytes>
class ThreadStack {
    static constexpr std::size_t kGuard = port::kStackGuardBytes;
    static constexpr std::size_t kAlign = kGuard > 0 ? port::kPageBytes : 16;
    static constexpr std::size_t kExtra = port::kHosted ? 256UL * 1024 : 0;
    static_assert(Bytes % 16 == 0 && kGuard % kAlign == 0);
    alignas(kAlign) std::array<std::byte, kGuard + Bytes + kExtra> bytes_;

    [[nodiscard]] std::span<std::byte> guard() { return std::span(bytes_).first(kGuard); }

public:
    ThreadStack() { port::guard_pages(guard()); }  // the rest is not filled: starting paints it
    ~ThreadStack() { port::unguard_pages(guard()); }
    ThreadStack(const ThreadStack&) = delete;
    ThreadStack& operator=(const ThreadStack&) = delete;
    [[nodiscard]] std::span<std::byte> span() { return std::span(bytes_).subspan(kGuard); }
    operator std::span<std::byte>() { return span(); }  // NOLINT(google-explicit-constructor)
};

struct AllThreadsTag;

class Thread : public ListLink<QueueTag>, public ListLink<AllThreadsTag> {
    friend class Kernel;
    friend class WaitQueue;
    friend class Mutex;
    friend class ThreadContext;

public:
    using Entry = void (*)(ThreadContext& self, void* argument);

private:
    port::Context context_{};
    const char* name_;
    Priority base_priority_;
    Priority priority_;  // as urgent as its most urgent waiter, at least base_priority_
    ThreadState state_{ThreadState::created};
    bool woken_{false};  // why it stopped waiting: by a wake-up, or by its deadline
    bool accepts_kill_{false};
    bool kill_asked_{false};
    bool block_asked_{false};
    std::uint16_t id_{0};
    std::uint32_t runs_{0};
    std::uint32_t switches_{0};
    std::uint32_t ready_looks_{0};  // of the watchdog, since it last ran
    std::span<std::byte> stack_;
    Entry entry_;
    void* argument_;
    Kernel* kernel_{nullptr};
    WaitQueue* waiting_in_{nullptr};
    Mutex* waiting_for_{nullptr};
    std::uintptr_t waiting_from_{0};  // return address of the lock() it waits in
    Duration cpu_{};
    Duration slice_left_{};
    Timer timeout_;
    WaitQueue joiners_;
    IntrusiveList<Mutex, HeldTag> held_;

    static void deadline_passed(IrqContext& irq, void* thread);
    void prepare_stack();
    [[nodiscard]] bool stack_is_intact() const;

public:
    /// `name` is a literal without blanks.
    Thread(const char* name, Priority priority, std::span<std::byte> stack, Entry entry,
           void* argument);
    ~Thread();
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

    /// Makes the thread ready: at once if it is more urgent than the caller. It must be new or
    /// finished.
    void start(ThreadContext& self);
    void start_at_boot(Kernel& kernel);
    /// Waits until the thread has ended. False: the deadline passed. A thread never started counts
    /// as ended.
    bool join(ThreadContext& self, Instant deadline);
    /// Asks the thread to end: its present wait and all later ones return false at once, except
    /// for a mutex. It ends by returning from its entry, so what is on its stack is destroyed.
    KillResult kill(ThreadContext& self);
    /// Takes the processor away from the thread, never while it holds a mutex. It stays in the
    /// queue that it waits in.
    BlockResult block(ThreadContext& self);
    /// False: it was not blocked.
    bool unblock(ThreadContext& self);

    [[nodiscard]] const char* name() const { return name_; }
    [[nodiscard]] unsigned id() const { return id_; }
    [[nodiscard]] ThreadState state() const { return state_; }
    [[nodiscard]] Priority priority() const { return priority_; }
    [[nodiscard]] Priority base_priority() const { return base_priority_; }
    /// Processor time used; for the running thread without its present turn.
    [[nodiscard]] Duration cpu() const { return cpu_; }
    [[nodiscard]] std::uint32_t switches() const { return switches_; }
    [[nodiscard]] std::span<std::byte> stack() const { return stack_; }
    /// Most bytes of the stack that were ever in use since the thread started.
    [[nodiscard]] std::size_t stack_used() const;
    /// What it waits in, or nullptr.
    [[nodiscard]] const WaitQueue* waits_in() const { return waiting_in_; }
};

/// What a thread list shows.
struct ThreadInfo {
    const char* name{""};
    unsigned id{};
    unsigned priority{};
    ThreadState state{};
    const char* waits_kind{""};
    const char* waits_name{""};
    Duration cpu{};
    std::uint32_t switches{};
    std::size_t stack_bytes{};
    std::size_t stack_used{};
};

}  // namespace kyu
