// expect: deleted
// A context is an argument: a copy kept for later would be the right to block in somebody's name.
#include <utility>

#include "kernel/context.hpp"

namespace kyu {

#ifdef KYU_REJECT
struct Keeper {
    ThreadContext kept;
    explicit Keeper(ThreadContext& self) : kept(self) {}
};
#else
struct Keeper {
    Instant since;
    explicit Keeper(ThreadContext& self) : since(self.now()) {}
};
#endif

Instant keep(ThreadContext& self) {
    Keeper keeper{self};
#ifdef KYU_REJECT
    return keeper.kept.now();
#else
    return keeper.since;
#endif
}

}  // namespace kyu
