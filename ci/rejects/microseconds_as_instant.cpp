// expect: (cannot convert|no viable conversion|could not convert|is private|private constructor|no known conversion|no matching)
// A bare number is neither a time nor a length of time.
#include "kernel/context.hpp"

namespace kyu {

void nap(ThreadContext& self) {
#ifdef KYU_REJECT
    self.sleep_for(1000);
#else
    self.sleep_for(Duration::from_us(1000));
#endif
}

}  // namespace kyu
