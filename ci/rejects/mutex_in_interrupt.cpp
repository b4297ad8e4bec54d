// expect: (cannot convert|no known conversion|could not convert|cannot bind|non-const lvalue reference|invalid initialization)
// Blocking asks for a ThreadContext, and an interrupt has none.
#include "kernel/mutex.hpp"
#include "kernel/semaphore.hpp"

namespace kyu {

void on_irq(IrqContext& irq, Mutex& mutex, Semaphore& work) {
#ifdef KYU_REJECT
    static_cast<void>(work);
    mutex.lock(irq);
#else
    static_cast<void>(mutex);
    work.signal(irq);
#endif
}

}  // namespace kyu
