// expect: (is private|private constructor|calling a private)
// The right to block is given by the kernel, not taken.
#include "kernel/semaphore.hpp"

namespace kyu {

bool take(Kernel& kernel, Thread& thread, ThreadContext& self, Semaphore& work) {
#ifdef KYU_REJECT
    static_cast<void>(self);
    ThreadContext made{kernel, thread};
    return work.wait(made, Instant::never());
#else
    static_cast<void>(kernel);
    static_cast<void>(thread);
    return work.wait(self, Instant::never());
#endif
}

}  // namespace kyu
