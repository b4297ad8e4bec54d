// LockOrder: which mutex was ever taken while which other was held, and whether that is an order.
//
// Rules     Two mutexes that are taken in both orders will stop two threads one day, even if they
//           never have yet: the second order is a panic the first time it is tried. A try_lock()
//           waits for nothing and asks for no order.
// Context   interrupts off, by Mutex and Kernel only.
// Ownership refers to mutexes while they live; ~Mutex forgets itself.
// Limits    kOrderedLocksMax mutexes at a time; further ones are not checked, and counted.
#pragma once

#include <array>
#include <cstdint>

namespace kyu {

class Mutex;

inline constexpr unsigned kOrderedLocksMax = 32;

class LockOrder {
    /// Lock `second` was taken while `first` was held.
    struct Evidence {
        std::uintptr_t first_taken{};
        std::uintptr_t second_taken{};
    };
    std::array<Mutex*, kOrderedLocksMax> locks_{};
    std::array<std::uint32_t, kOrderedLocksMax> after_{};  // bit s of after_[f]: f, then s
    std::array<std::array<Evidence, kOrderedLocksMax>, kOrderedLocksMax> seen_{};
    std::uint32_t unchecked_{0};

    [[nodiscard]] bool enlist(Mutex& mutex);
    [[nodiscard]] std::uint32_t reachable_from(unsigned first) const;
    [[noreturn]] void report(const Mutex& held, const Mutex& wanted, std::uintptr_t from) const;

public:
    LockOrder() = default;
    LockOrder(const LockOrder&) = delete;
    LockOrder& operator=(const LockOrder&) = delete;

    /// `wanted` is about to be taken, at `from`, by who holds `held`. A panic of kind deadlock when
    /// the opposite order was seen before, directly or through others.
    void check(Mutex& held, Mutex& wanted, std::uintptr_t from);
    void forget(Mutex& mutex);
    /// The board is switched off: no mutex refers here any longer.
    void forget_all();
    /// Pairs that were not checked for want of room.
    [[nodiscard]] std::uint32_t unchecked() const { return unchecked_; }
};

}  // namespace kyu
