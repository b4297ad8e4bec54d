#include "services/selftest/selftest.hpp"

#include "kernel/kernel.hpp"

namespace kyu::selftest {

std::string_view to_text(Result result) {
    switch (result) {
        case Result::ok: return "ok";
        case Result::failed: return "failed";
        case Result::skipped: return "skipped";
    }
    return "?";
}

Thread& Threads::start_at(const char* name, unsigned priority, Thread::Entry entry,
                          void* argument) {
    CHECK(started_ < Bench::kThreads && !run_.bench().broken_);
    Bench& bench = run_.bench();
    std::optional<Thread>& slot = bench.threads_[started_];
    slot.emplace(name, Priority{priority}, bench.stacks_[started_].span(), entry, argument);
    ++started_;
    slot->start(self_);
    return *slot;
}

void Threads::join() {
    Bench& bench = run_.bench();
    for (std::size_t i = 0; i < started_; ++i) {
        std::optional<Thread>& slot = bench.threads_[i];
        if (!slot->join(self_, self_.now() + kPatience)) {
            run_.fail("thread {} does not end", slot->name());
            slot->kill(self_);
            if (!slot->join(self_, self_.now() + kPatience)) {
                // What it uses is about to die: it must never run again.
                slot->block(self_);
                bench.broken_ = true;
                continue;
            }
        }
        slot.reset();
    }
    started_ = 0;
}

}  // namespace kyu::selftest
