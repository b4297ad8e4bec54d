// Pool: a fixed number of objects of one type, counted.
//
// Ownership allocate() lends an object, release() takes it back; the pool owns the memory.
// Lock      the caller's. Both operations are O(1).
// Limits    when the pool is empty allocate() returns nullptr and counts it: an ordinary outcome.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "base/check.hpp"

namespace kyu {

/// What every pool can tell of itself.
struct PoolStats {
    std::uint32_t total{};   ///< objects there are
    std::uint32_t used{};    ///< lent out now
    std::uint32_t high{};    ///< most that were ever lent out at once
    std::uint32_t failed{};  ///< times the pool was empty
};

template <typename T, std::size_t N>
class Pool {
    struct Slot {
        alignas(T) std::array<std::byte, sizeof(T)> bytes;
        std::uint32_t next_free;
        bool lent;
    };
    static constexpr std::uint32_t kNone = UINT32_MAX;
    std::array<Slot, N> slots_;
    std::uint32_t first_free_{0};
    PoolStats stats_{};

    Slot& slot_of(T& object) {
        auto* slot = reinterpret_cast<Slot*>(&object);  // bytes is the first member of Slot
        CHECK(slot >= slots_.data() && slot < slots_.data() + N);
        return *slot;
    }

public:
    Pool() {
        for (std::uint32_t i = 0; i < N; ++i) {
            slots_[i].next_free = i + 1 < N ? i + 1 : kNone;
            slots_[i].lent = false;
        }
        stats_.total = N;
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() = default;

    /// A new object built from `args`, or nullptr when all are lent.
    template <typename... Args>
    [[nodiscard]] T* allocate(Args&&... args) {
        if (first_free_ == kNone) {
            ++stats_.failed;
            return nullptr;
        }
        Slot& slot = slots_[first_free_];
        first_free_ = slot.next_free;
        slot.lent = true;
        if (++stats_.used > stats_.high) stats_.high = stats_.used;
        return ::new (static_cast<void*>(slot.bytes.data())) T(std::forward<Args>(args)...);
    }
    void release(T& object) {
        Slot& slot = slot_of(object);
        CHECK(slot.lent);
        std::destroy_at(&object);
        slot.lent = false;
        slot.next_free = first_free_;
        first_free_ = static_cast<std::uint32_t>(&slot - slots_.data());
        --stats_.used;
    }
    /// Position of `object` in the pool, 0..N-1: stable for its life, useful in handles.
    [[nodiscard]] std::uint32_t index_of(T& object) {
        return static_cast<std::uint32_t>(&slot_of(object) - slots_.data());
    }
    /// The object at `index`, or nullptr when that place is free.
    [[nodiscard]] T* at(std::uint32_t index) {
        if (index >= N || !slots_[index].lent) return nullptr;
        return std::launder(reinterpret_cast<T*>(slots_[index].bytes.data()));
    }
    [[nodiscard]] const PoolStats& stats() const { return stats_; }
};

}  // namespace kyu
