#include "kernel/thread.hpp"

#include <cstring>

#include "kernel/kernel.hpp"

namespace kyu {
namespace {

constexpr std::byte kPaint{0xA5};
constexpr std::uint32_t kPaintWord = 0xA5A5'A5A5U;
constexpr std::size_t kGuardBytes = 16;  // if these lose their paint, the stack has overflowed

}  // namespace

const char* to_text(ThreadState state) {
    switch (state) {
        case ThreadState::created: return "created";
        case ThreadState::ready: return "ready";
        case ThreadState::running: return "running";
        case ThreadState::waiting: return "waiting";
        case ThreadState::finished: return "finished";
        case ThreadState::blocked: return "blocked";
    }
    return "?";
}

Thread::Thread(const char* name, Priority priority, std::span<std::byte> stack, Entry entry,
               void* argument)
    : name_(name),
      base_priority_(priority),
      priority_(priority),
      stack_(stack),
      entry_(entry),
      argument_(argument),
      timeout_(&Thread::deadline_passed, this),
      joiners_(name, "join") {}

Thread::~Thread() { CHECK(state_ == ThreadState::created || state_ == ThreadState::finished); }

void Thread::start(ThreadContext& self) {
    IrqsOff off{self};
    self.kernel().admit(off, *this);
}

void Thread::start_at_boot(Kernel& kernel) {
    CHECK(!kernel.started());
    kernel.admit_at_boot(*this);
}

bool Thread::join(ThreadContext& self, Instant deadline) {
    CHECK(&self.thread() != this);
    port::scheduling_point();
    IrqsOff off{self};
    const std::uint32_t run = runs_;
    while (state_ != ThreadState::created && state_ != ThreadState::finished && runs_ == run) {
        if (!joiners_.wait(off, deadline)) return state_ == ThreadState::finished || runs_ != run;
    }
    return true;
}

void Thread::deadline_passed(IrqContext& irq, void* thread) {
    auto& self = *static_cast<Thread*>(thread);
    IrqsOff off{irq};
    irq.kernel().wake(off, self, false);
}

void Thread::prepare_stack() {
    const std::uintptr_t top = port::saved_stack_pointer(context_);
    const auto bottom = reinterpret_cast<std::uintptr_t>(stack_.data());
    CHECK(top > bottom && top <= bottom + stack_.size());
    std::memset(stack_.data(), static_cast<int>(kPaint), top - bottom);
}

// Paint may lie where a sanitizer believes in dead frames: these two read raw memory.
__attribute__((no_sanitize("address"))) bool Thread::stack_is_intact() const {
    for (std::size_t i = 0; i < kGuardBytes; ++i) {
        if (stack_.data()[i] != kPaint) return false;
    }
    return true;
}

__attribute__((no_sanitize("address"))) std::size_t Thread::stack_used() const {
    std::size_t untouched = 0;
    // By words: the thread list reads 16 KiB of it with interrupts off.
    for (; untouched + sizeof kPaintWord <= stack_.size(); untouched += sizeof kPaintWord) {
        std::uint32_t word = 0;
        std::memcpy(&word, stack_.data() + untouched, sizeof word);
        if (word != kPaintWord) break;
    }
    while (untouched < stack_.size() && stack_.data()[untouched] == kPaint) ++untouched;
    return stack_.size() - untouched;
}

Instant ThreadContext::now() const { return port::now(); }

void ThreadContext::sleep_until(Instant deadline) {
    port::scheduling_point();
    IrqsOff off{*this};
    kernel_.sleepers_.wait(off, deadline);
}

void ThreadContext::yield() {
    port::scheduling_point();
    IrqsOff off{*this};
    CHECK(off.outermost());
    kernel_.yield(off);
}

void ThreadContext::exit() { kernel_.exit_current(); }

}  // namespace kyu
