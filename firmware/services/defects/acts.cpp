#include "services/defects/acts.hpp"

#include "kernel/kernel.hpp"
#include "kernel/panic.hpp"
#include "services/defects/faults.hpp"
#include "services/defects/pool_defects.hpp"

namespace kyu::defects {
namespace {

using namespace time_literals;

/// Where a crash report looks for the figures of a pool, and finds no memory.
const PoolStats* volatile no_stats = nullptr;

[[gnu::noinline]] void planted_panic() { panic("planted panic"); }

[[gnu::noinline]] void panic_in_callback(IrqContext& /*irq*/, void* /*unused*/) {
    panic("planted panic in an interrupt");
}

// ---- Locks ---------------------------------------------------------------------------------

[[gnu::noinline]] void take_both(ThreadContext& self, Mutex& mine, Mutex& other) {
    mine.lock(self);
    // Long enough for both threads to hold their first lock before either asks for its second.
    self.sleep_for(50_ms);
    other.lock(self);
    other.unlock(self);
    mine.unlock(self);
}

[[gnu::noinline]] void take_in_both_orders(ThreadContext& self, Props& props) {
    {
        MutexGuard outer{props.first, self};
        MutexGuard inner{props.second, self};
    }
    MutexGuard outer{props.second, self};
    MutexGuard inner{props.first, self};
}

[[gnu::noinline]] void lock_twice(ThreadContext& self, Props& props) KYU_NO_ANALYSIS {
    props.connection.lock(self);
    props.connection.lock(self);
}

[[gnu::noinline]] void wait_with_the_lock(ThreadContext& self, Props& props) {
    MutexGuard guard{props.connection, self};
    props.start_helper.signal(self);  // it posts the reply as soon as it has the lock
    props.reply.wait(self, Instant::never());
}

[[gnu::noinline]] void unlock_what_another_holds(ThreadContext& self,
                                                 Props& props) KYU_NO_ANALYSIS {
    props.start_helper.signal(self);
    props.first.unlock(self);
}

/// The test and the sleep are two steps, and the signal falls between them.
[[gnu::noinline]] void sleep_after_the_news(ThreadContext& self, Props& props) {
    bool must_wait = false;
    {
        MutexGuard guard{props.connection, self};
        must_wait = !props.delivered;
    }
    props.start_helper.signal(self);
    MutexGuard guard{props.connection, self};
    if (must_wait) static_cast<void>(props.news.wait(self, props.connection, Instant::never()));
}

[[gnu::noinline]] void wait_for_no_post(ThreadContext& self, Props& props) {
    props.reply.wait(self, Instant::never());
}

// ---- The processor -------------------------------------------------------------------------

[[gnu::noinline]] void spin_with_interrupts_on() {
    for (;;) asm volatile("");
}

[[gnu::noinline]] void spin_with_interrupts_off(ThreadContext& self) {
    const IrqsOff off(self);
    for (;;) asm volatile("");
}

[[gnu::noinline]] void spin_with_everything_off(ThreadContext& self, const BoardTricks& tricks) {
    const IrqsOff off(self);
    tricks.mask_everything();
    for (;;) asm volatile("");
}

// ---- Which one -----------------------------------------------------------------------------

void panic_with_damage(ThreadContext& self, Props& props) {
    self.kernel().pools().add(props.damaged);
    planted_panic();
}

/// True: it was one of these.
bool act_on_processor(Kind kind, const BoardTricks& tricks) {
    switch (kind) {
        case Kind::panic: planted_panic(); return true;
        case Kind::null_read: read_null(); return true;
        case Kind::null_write: write_null(); return true;
        case Kind::null_call: call_null(); return true;
        case Kind::write_text: write_text(); return true;
        case Kind::run_data: run_data(); return true;
        case Kind::undefined: run_undefined(); return true;
        case Kind::divide: divide_by_zero(); return true;
        case Kind::overflow_recursion: recurse_for_ever(); return true;
        case Kind::overflow_frame: enter_large_frame(); return true;
        case Kind::pool_overrun: overrun_pool_object(); return true;
        case Kind::use_after_free: use_after_free(); return true;
        default: break;
    }
    void (*trick)() = nullptr;
    if (kind == Kind::misaligned) trick = tricks.load_misaligned;
    if (kind == Kind::irq_storm) trick = tricks.start_storm;
    if (kind == Kind::irq_stuck) trick = tricks.start_stuck_irq;
    if (kind == Kind::mute) trick = tricks.silence_console;
    if (trick != nullptr) trick();
    return trick != nullptr;
}

}  // namespace

// Nobody may look at it but the report of a panic.
#if defined(__clang__)
__attribute__((no_sanitize("null")))
#endif
Props::Props()
    : late(panic_in_callback, nullptr), damaged("damaged", *no_stats) {
}

bool act_in_transfer(ThreadContext& self, Kind kind, Props& props, const BoardTricks& tricks) {
    switch (kind) {
        case Kind::panic_in_panic: panic_with_damage(self, props); return true;
        case Kind::panic_in_irq:
            props.late.arm(self, self.now() + 1_ms);
            self.sleep_for(1_s);
            return true;
        case Kind::abba:
            props.start_helper.signal(self);
            take_both(self, props.first, props.second);
            return true;
        case Kind::lock_order: take_in_both_orders(self, props); return true;
        case Kind::self_deadlock: lock_twice(self, props); return true;
        case Kind::hold_and_wait: wait_with_the_lock(self, props); return true;
        case Kind::foreign_unlock: unlock_what_another_holds(self, props); return true;
        case Kind::missed_wakeup: sleep_after_the_news(self, props); return true;
        case Kind::never_posted: wait_for_no_post(self, props); return true;
        case Kind::spin_irq_on:
        case Kind::spin_irq_off:
        case Kind::spin_all_off: props.start_helper.signal(self); return true;
        default: return act_on_processor(kind, tricks);
    }
}

void act_as_helper(ThreadContext& self, Kind kind, Props& props, const BoardTricks& tricks) {
    switch (kind) {
        case Kind::spin_irq_on: return spin_with_interrupts_on();
        case Kind::spin_irq_off: return spin_with_interrupts_off(self);
        case Kind::spin_all_off: return spin_with_everything_off(self, tricks);
        case Kind::abba: return take_both(self, props.second, props.first);
        case Kind::hold_and_wait: {
            MutexGuard guard{props.connection, self};
            return props.reply.signal(self);
        }
        case Kind::foreign_unlock: {
            MutexGuard guard{props.first, self};
            return self.sleep_for(1_s);
        }
        case Kind::missed_wakeup: {
            MutexGuard guard{props.connection, self};
            props.delivered = true;
            return props.news.signal(self);
        }
        default: return;
    }
}

}  // namespace kyu::defects
