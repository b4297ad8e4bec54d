// Explored schedules: where the kernel asks the hosted port who runs, instead of deciding by
// priority alone.
//
// Context   as said at each function; only while port::exploring(), so never on the board.
// Rules     Every choice of 0 is what the board would do. Who was passed over by a choice stays so
//           until a thread becomes ready or a priority changes: a pre-emption that was chosen is
//           not undone by the next kernel call.
#include <algorithm>

#include "kernel/kernel.hpp"

namespace kyu {

/// Ids of the ready threads, the most urgent first.
class Kernel::ReadyIds {
    std::array<std::uint16_t, kThreadsMax> ids_{};
    std::array<Thread*, kThreadsMax> threads_{};
    std::size_t count_{0};

public:
    explicit ReadyIds(ReadyQueue& ready) {
        ready.for_each([this](Thread& thread) {
            ids_[count_] = thread.id_;
            threads_[count_++] = &thread;
        });
    }
    [[nodiscard]] std::span<const std::uint16_t> ids() const {
        return std::span{ids_}.first(count_);
    }
    [[nodiscard]] unsigned count() const { return static_cast<unsigned>(count_); }
    [[nodiscard]] Thread& at(std::size_t index) const {
        CHECK(index < count_);
        return *threads_[index];
    }
};

/// The processor is free and somebody is ready. Interrupts off.
Thread& Kernel::explore_turn() {
    const ReadyIds ready{ready_};
    if (ready.count() == 1) return ready.at(0);
    return ready.at(port::choose({.kind = ChoiceKind::turn,
                                  .options = ready.count(),
                                  .running = current_ == nullptr ? std::uint16_t{0} : current_->id_,
                                  .threads = ready.ids()}));
}

/// Something more urgent than the running thread is ready, or its slice is over: does it go?
/// Interrupts off.
bool Kernel::explore_preemption() {
    if (!ready_changed_ && !slice_over_) return false;
    ready_changed_ = false;
    const ReadyIds ready{ready_};
    const unsigned chosen = port::choose({.kind = ChoiceKind::preempt,
                                          .options = 2,
                                          .running = current_->id_,
                                          .threads = ready.ids()});
    if (chosen == 0) return true;
    if (slice_over_) {
        slice_over_ = false;
        slice_ends_ = port::now() + kTimeSlice;
        program_alarm();
    }
    return false;
}

void Kernel::explore_point() {
    if (!started_ || in_irq_ || current_ == &idle_ || ready_.top() == nullptr) return;
    const unsigned saved = port::irq_save();
    const ReadyIds ready{ready_};
    const unsigned chosen = port::choose({.kind = ChoiceKind::point,
                                          .options = ready.count() + 1,
                                          .running = current_->id_,
                                          .threads = ready.ids()});
    if (chosen > 0) preempt_current(&ready.at(chosen - 1));
    port::irq_restore(saved);
}

}  // namespace kyu
