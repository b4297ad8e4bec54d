#include "kernel/watchdog.hpp"

#include "kernel/kernel.hpp"
#include "kernel/panic.hpp"

namespace kyu {

void Watchdog::start(ThreadContext& self) { look_.arm(self, self.now() + kLookPeriod); }

void Watchdog::look(IrqContext& irq, void* watchdog) {
    auto& self = *static_cast<Watchdog*>(watchdog);
    Kernel& kernel = irq.kernel();
    const Thread* starved = kernel.look_for_starved(irq, kStarvedLooks);
    if (starved != nullptr) {
        const Thread& running = *kernel.current();
        panic(PanicKind::hang, "{} (priority {}) does not let {} (priority {}) run for {} ms",
              running.name(), running.priority().level, starved->name(), starved->priority().level,
              kStarvedLooks * kLookPeriod.ms());
    }
    self.look_.arm(irq, port::now() + kLookPeriod);
}

}  // namespace kyu
