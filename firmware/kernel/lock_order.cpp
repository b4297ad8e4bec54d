#include "kernel/lock_order.hpp"

#include <bit>

#include "kernel/kernel.hpp"
#include "kernel/panic.hpp"

namespace kyu {

bool LockOrder::enlist(Mutex& mutex) {
    if (mutex.order_in_ == this) return true;
    for (unsigned n = 0; n < kOrderedLocksMax; ++n) {
        if (locks_[n] != nullptr) continue;
        locks_[n] = &mutex;
        after_[n] = 0;
        mutex.order_in_ = this;
        mutex.order_ = static_cast<std::uint8_t>(n);
        return true;
    }
    ++unchecked_;
    return false;
}

std::uint32_t LockOrder::reachable_from(unsigned first) const {
    std::uint32_t reached = after_[first];
    for (std::uint32_t todo = reached; todo != 0;) {
        const auto next = static_cast<unsigned>(std::countr_zero(todo));
        todo &= todo - 1;
        const std::uint32_t more = after_[next] & ~reached;
        reached |= more;
        todo |= more;
    }
    return reached;
}

void LockOrder::check(Mutex& held, Mutex& wanted, std::uintptr_t from) {
    if (!enlist(held) || !enlist(wanted)) return;
    const std::uint32_t bit = 1U << wanted.order_;
    if ((after_[held.order_] & bit) != 0) return;
    if (((reachable_from(wanted.order_) >> held.order_) & 1U) != 0) report(held, wanted, from);
    after_[held.order_] |= bit;
    seen_[held.order_][wanted.order_] = {held.taken_at(), from};
}

void LockOrder::report(const Mutex& held, const Mutex& wanted, std::uintptr_t from) const {
    TextBuffer<kCrashReasonMax> text;
    const auto place = [&text](std::uintptr_t pc) {
        const Symbol symbol = port::lookup(pc);
        print(text, "{}+{:x}", symbol.name.empty() ? "?" : symbol.name, symbol.offset);
    };
    print(text, "lock order: {} taken at ", wanted.name());
    place(from);
    print(text, " while {} is held, and before", held.name());
    const Evidence& direct = seen_[wanted.order_][held.order_];
    if (((after_[wanted.order_] >> held.order_) & 1U) != 0) {
        print(text, " {} at ", held.name());
        place(direct.second_taken);
        print(text, " while {} was", wanted.name());
    } else {
        print(text, " {} was taken under {}, through others", held.name(), wanted.name());
    }
    panic(PanicKind::deadlock, "{}", text.view());
}

void LockOrder::forget(Mutex& mutex) {
    if (mutex.order_in_ != this) return;
    const std::uint32_t others = ~(1U << mutex.order_);
    for (std::uint32_t& after : after_) after &= others;
    after_[mutex.order_] = 0;
    locks_[mutex.order_] = nullptr;
    mutex.order_in_ = nullptr;
}

void LockOrder::forget_all() {
    for (Mutex* mutex : locks_) {
        if (mutex != nullptr) forget(*mutex);
    }
}

}  // namespace kyu
