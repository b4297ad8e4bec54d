#include "kernel/kernel.hpp"

#include <algorithm>
#include <bit>

#include "kernel/panic.hpp"

namespace kyu {

void ReadyQueue::push_back(Thread& thread) {
    levels_[thread.priority().level].push_back(thread);
    present_ |= 1U << thread.priority().level;
}

void ReadyQueue::push_front(Thread& thread) {
    levels_[thread.priority().level].push_front(thread);
    present_ |= 1U << thread.priority().level;
}

void ReadyQueue::remove(Thread& thread) {
    auto& level = levels_[thread.priority().level];
    IntrusiveList<Thread, QueueTag>::remove(thread);
    if (level.empty()) present_ &= ~(1U << thread.priority().level);
}

Thread* ReadyQueue::top() {
    if (present_ == 0) return nullptr;
    return levels_[static_cast<std::size_t>(std::countr_zero(present_))].front();
}

Kernel::Kernel()
    : idle_("idle", Priority{kPriorityLevels - 1}, idle_stack_.span(), &Kernel::idle_main,
            nullptr) {}

Kernel::~Kernel() { power_off(); }

void Kernel::start() {
    CHECK(!started_ && port::irqs_are_off());
    admit_at_boot(idle_);
    // The idle thread is what runs when the ready queue is empty: it is never in it.
    ready_.remove(idle_);
    started_ = true;
    Thread& first = begin_turn(port::now());
    port::context_start(first.context_);
}

void Kernel::idle_main(ThreadContext& /*self*/, void* /*argument*/) {
    for (;;) port::wait_for_interrupt();
}

void Kernel::thread_main(void* thread) {
    auto& self = *static_cast<Thread*>(thread);
    port::irq_enable();
    ThreadContext context{*self.kernel_, self};
    self.entry_(context, self.argument_);
    self.kernel_->exit_current();
}

void Kernel::exit_current() {
    port::scheduling_point();
    // Never undone: the next thread brings its own state of the interrupt mask.
    static_cast<void>(port::irq_save());
    Thread& self = *current_;
    CHECK(&self != &idle_ && !in_irq_);
    if (Mutex* held = self.held_.front(); held != nullptr) {
        panic(PanicKind::panic, "thread {} ended while it held mutex {}", self.name_, held->name());
    }
    {
        IrqsOff off{*this};
        self.joiners_.wake_all(off);
    }
    const Instant now = port::now();
    end_turn(now);
    self.state_ = ThreadState::finished;
    IntrusiveList<Thread, AllThreadsTag>::remove(self);
    --thread_count_;
    Thread& next = begin_turn(now);
    port::context_start(next.context_);
}

void Kernel::admit(IrqsOff& off, Thread& thread) {
    CHECK(thread.state_ == ThreadState::created || thread.state_ == ThreadState::finished);
    CHECK(thread_count_ < kThreadsMax);
    ++thread_count_;
    if (thread.id_ == 0) thread.id_ = ++next_id_;
    ++thread.runs_;
    thread.kernel_ = this;
    thread.priority_ = thread.base_priority_;
    thread.slice_left_ = Duration{};
    thread.accepts_kill_ = thread.kill_asked_ = thread.block_asked_ = false;
    port::context_init(thread.context_, thread.stack_, &Kernel::thread_main, &thread);
    thread.prepare_stack();
    threads_.push_back(thread);
    make_ready(off, thread);
}

void Kernel::admit_at_boot(Thread& thread) {
    IrqsOff off{*this};
    admit(off, thread);
}

void Kernel::make_ready(IrqsOff& /*off*/, Thread& thread) {
    if (must_block(thread)) {
        thread.state_ = ThreadState::blocked;
        return;
    }
    thread.state_ = ThreadState::ready;
    ready_.push_back(thread);
    ready_changed_ = true;
    // A second thread of the running one's priority starts the clock of its time slice.
    if (started_ && thread.priority_ == current_->priority_) program_alarm();
}

void Kernel::wake(IrqsOff& off, Thread& thread, bool by_signal) {
    CHECK(thread.state_ == ThreadState::waiting);
    thread.waiting_in_->remove(thread);
    thread.waiting_in_ = nullptr;
    disarm(thread.timeout_);
    thread.woken_ = by_signal;
    events_.record(port::now(), by_signal ? "wake" : "timeout", thread.id_,
                   current_ == nullptr ? 0 : current_->id_);
    make_ready(off, thread);
}

/// Who waits while it holds a mutex waits for somebody who may want that mutex first.
void Kernel::check_may_sleep(Thread& self, const WaitQueue& queue) {
    if (self.waiting_for_ != nullptr) return;  // for a mutex: the wait-for graph is looked at
    for (const Mutex& held : self.held_) {
        if (held.holder_may_sleep()) continue;
        panic(PanicKind::deadlock, "{} sleeps in {}{}{} while it holds mutex {}", self.name_,
              queue.kind(), queue.name()[0] == '\0' ? "" : " ", queue.name(), held.name());
    }
}

bool Kernel::block(IrqsOff& off, WaitQueue& queue, Instant deadline) {
    CHECK(off.outermost());  // sleeping with interrupts off would turn them on behind a caller
    CHECK(!in_irq_ && current_ != nullptr && current_ != &idle_);
    check_may_sleep(*current_, queue);
    if (deadline != Instant::never() && deadline <= port::now()) return false;
    Thread& self = *current_;
    if (self.kill_asked_ && self.waiting_for_ == nullptr) return false;
    self.state_ = ThreadState::waiting;
    self.waiting_in_ = &queue;
    queue.insert(self);
    if (deadline != Instant::never()) arm(off, self.timeout_, deadline);
    self.slice_left_ = Duration{};
    dispatch();
    return self.woken_;
}

void Kernel::yield(IrqsOff& /*off*/) {
    if (current_ == &idle_ || !ready_.has_level(current_->priority_)) return;
    current_->state_ = ThreadState::ready;
    current_->slice_left_ = Duration{};
    ready_.push_back(*current_);
    dispatch();
}

void Kernel::end_turn(Instant now) {
    Thread& self = *current_;
    if (!self.stack_is_intact()) panic(PanicKind::panic, "stack overflow of thread {}", self.name_);
    self.cpu_ = self.cpu_ + (now - turn_began_);
}

Thread& Kernel::begin_turn(Instant now, Thread* chosen) {
    Thread* next = chosen == nullptr ? ready_.top() : chosen;
    if (port::exploring() && chosen == nullptr && next != nullptr) next = &explore_turn();
    if (next != nullptr) {
        ready_.remove(*next);
    } else {
        next = &idle_;
    }
    next->state_ = ThreadState::running;
    if (next != current_) ++switches_;
    ++next->switches_;
    next->ready_looks_ = 0;
    current_ = next;
    turn_began_ = now;
    slice_over_ = false;
    ready_changed_ = false;
    slice_ends_ = now + (next->slice_left_ > Duration{} ? next->slice_left_ : kTimeSlice);
    program_alarm();
    return *next;
}

/// The running thread has been put where it belongs; goes on with `chosen` or the next, and
/// returns when the caller's thread runs again.
void Kernel::dispatch(Thread* chosen) {
    Thread& self = *current_;
    const Instant now = port::now();
    end_turn(now);
    Thread& next = begin_turn(now, chosen);
    if (&next == &self) return;
    events_.record(now, "switch", self.id_, next.id_);
    port::context_switch(self.context_, next.context_);
}

bool Kernel::should_preempt() {
    if (!started_) return false;
    if (must_block(*current_)) return true;
    const Thread* top = ready_.top();
    if (top == nullptr) return false;
    if (current_ == &idle_) return true;
    const bool due = top->priority_.more_urgent_than(current_->priority_) ||
                     (slice_over_ && top->priority_ == current_->priority_);
    return due && (!port::exploring() || explore_preemption());
}

void Kernel::preempt_current(Thread* chosen) {
    Thread& self = *current_;
    self.state_ = ThreadState::ready;
    if (must_block(self)) {
        self.state_ = ThreadState::blocked;
    } else if (&self != &idle_) {
        // Who was pushed aside goes on with the rest of its slice before its equals get theirs.
        self.slice_left_ = slice_ends_ - port::now();
        if (self.slice_left_ > Duration{}) {
            ready_.push_front(self);
        } else {
            ready_.push_back(self);
        }
    }
    dispatch(chosen);
}

void Kernel::preempt_if_needed() {
    CHECK(!in_irq_ && port::irqs_are_off());
    if (should_preempt()) preempt_current();
}

void Kernel::end_irqs_off() {
    if (!in_irq_ && crash_.depth == 0 && should_preempt()) preempt_current();
}

void Kernel::set_priority(IrqsOff& /*off*/, Thread& thread, Priority priority) {
    if (thread.priority_ == priority) return;
    ready_changed_ = true;
    if (thread.state_ == ThreadState::ready) {
        ready_.remove(thread);
        thread.priority_ = priority;
        ready_.push_back(thread);
    } else if (thread.state_ == ThreadState::waiting &&
               thread.waiting_in_->order() == WaitOrder::priority) {
        thread.waiting_in_->remove(thread);
        thread.priority_ = priority;
        thread.waiting_in_->insert(thread);
    } else {
        thread.priority_ = priority;
    }
    if (started_) program_alarm();
}

void Kernel::inherit(IrqsOff& off, Thread* owner, Priority priority) {
    // Along the chain of owners; it ends, since a cycle was ruled out before the wait.
    while (owner != nullptr && priority.more_urgent_than(owner->priority_)) {
        set_priority(off, *owner, priority);
        owner = owner->waiting_for_ == nullptr ? nullptr : owner->waiting_for_->owner_;
    }
}

void Kernel::restore_priority(IrqsOff& off, Thread& thread) {
    Priority priority = thread.base_priority_;
    for (Mutex& mutex : thread.held_) {
        const Thread* waiter = mutex.waiters_.first(off);
        if (waiter != nullptr && waiter->priority_.more_urgent_than(priority)) {
            priority = waiter->priority_;
        }
    }
    set_priority(off, thread, priority);
}

void Kernel::trace(const char* what, std::uint32_t a, std::uint32_t b) {
    const unsigned saved = port::irq_save();
    events_.record(port::now(), what, a, b);
    port::irq_restore(saved);
}

void Kernel::note_ring(const RingNote& ring) {
    const unsigned saved = port::irq_save();
    for (RingNote& place : rings_) {
        if (place.name != nullptr && place.at != ring.at) continue;
        place = ring;
        break;
    }
    port::irq_restore(saved);
}

bool Kernel::thread_info(ThreadContext& self, std::size_t index, ThreadInfo& out) {
    IrqsOff off{self};
    Thread* thread = threads_.front();
    while (thread != nullptr && index-- > 0) thread = threads_.next(*thread);
    if (thread == nullptr) return false;
    const WaitQueue* queue = thread->waiting_in_;
    out = ThreadInfo{.name = thread->name_,
                     .id = thread->id_,
                     .priority = thread->priority_.level,
                     .state = must_block(*thread) ? ThreadState::blocked : thread->state_,
                     .waits_kind = queue == nullptr ? "" : queue->kind(),
                     .waits_name = queue == nullptr ? "" : queue->name(),
                     .cpu = thread->cpu_,
                     .switches = thread->switches_,
                     .stack_bytes = thread->stack_.size(),
                     .stack_used = thread->stack_used()};
    if (thread == current_) out.cpu = out.cpu + (port::now() - turn_began_);
    return true;
}

void Kernel::power_off() {
    rings_ = {};
    while (Timer* timer = timers_.first()) disarm(*timer);
    while (Thread* thread = threads_.pop_front()) {
        if (IntrusiveList<Thread, QueueTag>::contains_somewhere(*thread)) {
            IntrusiveList<Thread, QueueTag>::remove(*thread);
        }
        while (Mutex* mutex = thread->held_.pop_front()) mutex->owner_ = nullptr;
        thread->waiting_in_ = nullptr;
        thread->waiting_for_ = nullptr;
        thread->state_ = ThreadState::finished;
    }
    pools_.clear();
    lock_order_.forget_all();
    thread_count_ = 0;
    current_ = nullptr;
    started_ = false;
}

}  // namespace kyu
