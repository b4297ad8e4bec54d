#include "kernel/continuation.hpp"

#include "kernel/kernel.hpp"

namespace kyu {

void Continuation::start(ThreadContext& self, Continuations& runner, Step step) {
    CHECK(state_ == State::done && step != nullptr);
    runner_ = &runner;
    step_ = step;
    woken_ = false;
    runner.push(self, *this);
}

void Continuation::name_next(State next, Step step) {
    CHECK(state_ == State::running && step != nullptr);
    next_ = next;
    step_ = step;
}

void Continuation::after(Duration pause, Step step) {
    name_next(State::sleeping, step);
    pause_ = pause;
}

void Continuation::wake(ThreadContext& self) {
    if (runner_ != nullptr) runner_->wake(self, *this);
}

void Continuation::wake(IrqContext& irq) {
    if (runner_ != nullptr) runner_->wake(irq, *this);
}

void Continuation::time_has_come(IrqContext& irq, void* me) {
    auto& flow = *static_cast<Continuation*>(me);
    flow.runner_->push(irq, flow);
}

Continuations::~Continuations() {
    while (queue_.pop_front() != nullptr) {
    }
}

template <typename Context>
void Continuations::push(Context& context, Continuation& flow) {
    {
        IrqsOff off{context};
        flow.state_ = Continuation::State::queued;
        queue_.push_back(flow);
    }
    queued_.signal(context);
}

template <typename Context>
void Continuations::wake(Context& context, Continuation& flow) {
    {
        IrqsOff off{context};
        if (flow.state_ != Continuation::State::waiting) {
            flow.woken_ = true;
            return;
        }
        flow.state_ = Continuation::State::running;  // nobody else's wake() finds it waiting
    }
    push(context, flow);
}

void Continuations::run_one(ThreadContext& self, Continuation& flow) {
    using State = Continuation::State;
    flow.next_ = State::done;
    flow.step_(self, flow, flow.argument_);
    IrqsOff off{self};
    if (flow.next_ == State::waiting && flow.woken_) {
        flow.woken_ = false;
        flow.next_ = State::queued;
    }
    flow.state_ = flow.next_;
    if (flow.next_ == State::queued) push(self, flow);
    if (flow.next_ == State::sleeping) flow.timer_.arm(self, self.now() + flow.pause_);
}

void Continuations::run(ThreadContext& self) {
    self.accept_kill();
    while (queued_.wait(self, Instant::never())) {
        Continuation* flow = nullptr;
        {
            IrqsOff off{self};
            flow = queue_.pop_front();
            if (flow != nullptr) flow->state_ = Continuation::State::running;
        }
        if (flow != nullptr) run_one(self, *flow);
        if (self.should_end()) return;
    }
}

}  // namespace kyu
