#include "kernel/periodic.hpp"

#include "kernel/kernel.hpp"

namespace kyu {

PeriodicThread::PeriodicThread(const char* name, Priority priority, std::span<std::byte> stack,
                               Duration period, Body body, void* argument)
    : thread_(
          name, priority, stack,
          [](ThreadContext& self, void* me) { static_cast<PeriodicThread*>(me)->run(self); }, this),
      period_(period),
      body_(body),
      argument_(argument) {
    CHECK(period > Duration{});
}

void PeriodicThread::start(ThreadContext& self) {
    rounds_ = overruns_ = 0;
    thread_.start(self);
}

bool PeriodicThread::stop(ThreadContext& self, Instant deadline) {
    thread_.kill(self);
    return thread_.join(self, deadline);
}

void PeriodicThread::run(ThreadContext& self) {
    self.accept_kill();
    Instant due = self.now();
    while (!self.should_end()) {
        ++rounds_;
        body_(self, argument_);
        due = due + period_;
        for (const Instant now = self.now(); due < now; due = due + period_) ++overruns_;
        self.sleep_until(due);
    }
}

}  // namespace kyu
