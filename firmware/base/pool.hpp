// Pool: a fixed number of objects of one type, counted.
//
// Ownership allocate() lends an object, release() takes it back; the pool owns the memory.
// Lock      the caller's. Both operations are O(1).
// Limits    when the pool is empty allocate() returns nullptr and counts it: an ordinary outcome.
// Rules     Pool is PlainPool, and GuardedPool (base/pool_guard.hpp) in debug images. Both lend the
//           same objects in the same order: the last that came back goes first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.hpp"
#include "base/pool_guard.hpp"

namespace kyu {

/// What every pool can tell of itself.
struct PoolStats {
    std::uint32_t total{};   ///< objects there are
    std::uint32_t used{};    ///< lent out now
    std::uint32_t high{};    ///< most that were ever lent out at once
    std::uint32_t failed{};  ///< times the pool was empty
};

template <typename T, std::size_t N>
class PlainPool {
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
    explicit PlainPool(const char* /*name*/ = "pool") {
        for (std::uint32_t i = 0; i < N; ++i) {
            slots_[i].next_free = i + 1 < N ? i + 1 : kNone;
            slots_[i].lent = false;
        }
        stats_.total = N;
    }
    PlainPool(const PlainPool&) = delete;
    PlainPool& operator=(const PlainPool&) = delete;
    ~PlainPool() = default;

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
    /// What watches over the objects; nullptr: nobody.
    [[nodiscard]] const PoolGuard* guard() const { return nullptr; }
};

/// The same with red zones and poison. allocate() and release() are parts of their caller, so that
/// the guard remembers who that is.
template <typename T, std::size_t N>
class GuardedPool {
    static constexpr std::uint32_t kNone = UINT32_MAX;
    union Room {  // an object that its pool makes and destroys
        T object;
        Room() {}   // NOLINT(modernize-use-equals-default): nothing is constructed
        ~Room() {}  // NOLINT(modernize-use-equals-default): nor destroyed
    };
    static_assert(sizeof(Room) == sizeof(T));
    using Place = GuardedPlace<Room>;
    std::array<Place, N> places_;
    std::array<PoolMark, N> marks_;
    PoolGuard guard_;
    std::uint32_t first_free_{0};
    PoolStats stats_{};

    [[nodiscard]] std::uint32_t lent_index(const T& object) const {
        const auto index = guard_.find(&object);
        CHECK(index);
        return *index;
    }

public:
    explicit GuardedPool(const char* name = "pool")
        : guard_({.pool = name,
                  .first = reinterpret_cast<std::byte*>(&places_[0].object),
                  .stride = sizeof(Place),
                  .object_bytes = sizeof(T),
                  .zone_bytes = kPoolZoneOf<Room>,
                  .marks = marks_,
                  .poisons = true}) {
        for (std::uint32_t i = 0; i < N; ++i) guard_.next_free(i) = i + 1 < N ? i + 1 : kNone;
        stats_.total = N;
    }
    GuardedPool(const GuardedPool&) = delete;
    GuardedPool& operator=(const GuardedPool&) = delete;
    ~GuardedPool() = default;

    template <typename... Args>
    [[nodiscard, gnu::always_inline]] T* allocate(Args&&... args) {
        if (first_free_ == kNone) {
            ++stats_.failed;
            return nullptr;
        }
        const std::uint32_t index = first_free_;
        guard_.take(index);
        first_free_ = guard_.next_free(index);
        if (++stats_.used > stats_.high) stats_.high = stats_.used;
        return ::new (static_cast<void*>(&places_[index].object)) T(std::forward<Args>(args)...);
    }
    [[gnu::always_inline]] void release(T& object) {
        const std::uint32_t index = guard_.check_release(&object);
        std::destroy_at(&object);
        guard_.give_back(index);
        guard_.next_free(index) = first_free_;
        first_free_ = index;
        --stats_.used;
    }
    [[nodiscard]] std::uint32_t index_of(T& object) { return lent_index(object); }
    [[nodiscard]] T* at(std::uint32_t index) {
        if (index >= N || !guard_.lent(index)) return nullptr;
        return &places_[index].object.object;
    }
    [[nodiscard]] const PoolStats& stats() const { return stats_; }
    [[nodiscard]] const PoolGuard* guard() const { return &guard_; }
};

template <typename T, std::size_t N>
using Pool = std::conditional_t<kDebugPools, GuardedPool<T, N>, PlainPool<T, N>>;

}  // namespace kyu
