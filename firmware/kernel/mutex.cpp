#include "kernel/mutex.hpp"

#include "base/caller.hpp"
#include "kernel/kernel.hpp"
#include "kernel/panic.hpp"

namespace kyu {

Mutex::~Mutex() {
    CHECK(owner_ == nullptr);
    if (order_in_ != nullptr) order_in_->forget(*this);
}

void Mutex::lock(ThreadContext& self) { lock_from(self, KYU_CALLER()); }

void Mutex::lock_from(ThreadContext& self, std::uintptr_t from) {
    port::scheduling_point();
    IrqsOff off{self};
    CHECK(off.outermost());
    Thread& me = self.thread();
    if (owner_ != nullptr) check_for_deadlock(me);  // what is there comes before what might be
    for (Mutex& held : me.held_) self.kernel().lock_order_.check(held, *this, from);
    if (owner_ == nullptr) return take(me, from);
    me.waiting_for_ = this;
    me.waiting_from_ = from;
    self.kernel().inherit(off, owner_, me.priority_);
    waiters_.wait(off, Instant::never());
    // release() handed it over: this thread is the owner already.
    CHECK(owner_ == &me);
}

bool Mutex::try_lock(ThreadContext& self) {
    IrqsOff off{self};
    if (owner_ != nullptr) return false;
    take(self.thread(), KYU_CALLER());
    return true;
}

void Mutex::unlock(ThreadContext& self) {
    {
        IrqsOff off{self};
        release(off, self.thread());
    }
    port::scheduling_point();
}

void Mutex::take(Thread& thread, std::uintptr_t from) {
    owner_ = &thread;
    taken_at_ = from;
    thread.held_.push_back(*this);
}

void Mutex::release(IrqsOff& off, Thread& self) {
    if (owner_ != &self) {
        panic(PanicKind::panic, "{} unlocks mutex {} which {} holds", self.name(), name(),
              owner_ == nullptr ? "nobody" : owner_->name());
    }
    IntrusiveList<Mutex, HeldTag>::remove(*this);
    owner_ = nullptr;
    Thread* next = waiters_.wake_one(off);
    if (next != nullptr) {
        next->waiting_for_ = nullptr;
        take(*next, next->waiting_from_);
    }
    off.kernel().restore_priority(off, self);
}

void Mutex::check_for_deadlock(Thread& self) {
    bool cycle = false;
    for (const Mutex* mutex = this; mutex != nullptr;) {
        if (mutex->owner_ == &self) {
            cycle = true;
            break;
        }
        mutex = mutex->owner_ == nullptr ? nullptr : mutex->owner_->waiting_for_;
    }
    if (!cycle) return;
    TextBuffer<kCrashReasonMax> text;
    print(text, "{}", self.name());
    for (const Mutex* mutex = this;; mutex = mutex->owner_->waiting_for_) {
        print(text, " waits for {} held by {}", mutex->name(), mutex->owner_->name());
        if (mutex->owner_ == &self) break;
    }
    panic(PanicKind::deadlock, "{}", text.view());
}

}  // namespace kyu
