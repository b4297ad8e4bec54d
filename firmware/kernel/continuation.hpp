// Continuations: many flows of control that share one stack.
//
// A Continuation runs one step at a time. A step that ends names the step with which it goes on,
// and when: at once, after a while, or when somebody wakes it. In between it needs no stack.
//
//     void wait_for_frame(ThreadContext& self, Continuation& me, void* driver) {
//         me.when_woken(handle_frame);          // goes on there; the interrupt calls me.wake(irq)
//     }
//
// Context   steps run in the thread that runs the Continuations; start from threads, wake from
//           threads and interrupts. then, after and when_woken inside a step only.
// Ownership the caller owns both and keeps them as long as a step may run; done() tells.
// Rules     A step names at most one successor, the last one counts; without one it has ended. A
//           step that blocks makes all others of its runner wait. A wake() that comes before
//           when_woken() is kept, one of them: none is lost.
// Order     first come, first served.
#pragma once

#include <cstdint>

#include "base/intrusive_list.hpp"
#include "kernel/context.hpp"
#include "kernel/semaphore.hpp"
#include "kernel/timer.hpp"

namespace kyu {

class Continuations;
struct StepTag;

class Continuation : public ListLink<StepTag> {
    friend class Continuations;

public:
    using Step = void (*)(ThreadContext& self, Continuation& me, void* argument);

private:
    enum class State : std::uint8_t { done, queued, running, sleeping, waiting };
    const char* name_;
    void* argument_;
    Continuations* runner_{nullptr};
    Step step_{nullptr};
    State state_{State::done};
    State next_{State::done};  // where the running step wants to go
    bool woken_{false};
    Duration pause_{};
    Timer timer_;

    static void time_has_come(IrqContext& irq, void* me);
    void name_next(State next, Step step);

public:
    Continuation(const char* name, void* argument)
        : name_(name), argument_(argument), timer_(&Continuation::time_has_come, this) {}

    /// Runs `step` in `runner` as soon as its turn comes. It must be done().
    void start(ThreadContext& self, Continuations& runner, Step step);
    /// Goes on with `step`, after the others that are ready.
    void then(Step step) { name_next(State::queued, step); }
    void after(Duration pause, Step step);
    void when_woken(Step step) { name_next(State::waiting, step); }
    void wake(ThreadContext& self);
    void wake(IrqContext& irq);

    [[nodiscard]] bool done() const { return state_ == State::done; }
    [[nodiscard]] const char* name() const { return name_; }
};

/// The thread's side: runs steps until the thread is killed.
class Continuations {
    friend class Continuation;
    IntrusiveList<Continuation, StepTag> queue_;
    Semaphore queued_;

    template <typename Context>
    void push(Context& context, Continuation& flow);
    template <typename Context>
    void wake(Context& context, Continuation& flow);
    void run_one(ThreadContext& self, Continuation& flow);

public:
    explicit Continuations(const char* name) : queued_(name, 0) {}
    ~Continuations();
    /// The body of the thread. Returns once the thread is asked to end; what is queued stays so.
    void run(ThreadContext& self);
};

}  // namespace kyu
