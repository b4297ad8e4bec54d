// FreeList: the free objects of a pool whose memory somebody else places (DMA, .noinit).
//
// Ownership refers to a PoolMemory, which outlives it. take() lends, give_back() takes back.
// Lock      the caller's. All operations are O(1).
// Rules     Objects are plain memory: none is constructed or destroyed. FreeList is PlainList,
//           which links free objects through their first bytes, and GuardedList in debug images,
//           which keeps every byte of a free object poisoned. Both lend in the same order.
// Limits    the list counts nothing: how many may be lent is its user's business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/pool_guard.hpp"

namespace kyu {

template <typename T, std::size_t N>
struct PlainMemory {
    std::array<T, N> objects;
};

template <typename T, std::size_t N>
struct GuardedMemory {
    std::array<GuardedPlace<T>, N> places;
    std::array<PoolMark, N> marks;
};

template <typename T, std::size_t N>
using PoolMemory = std::conditional_t<kDebugPools, GuardedMemory<T, N>, PlainMemory<T, N>>;

template <typename T>
class PlainList {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) >= sizeof(T*) &&
                  alignof(T) >= alignof(T*));
    std::span<T> objects_;
    T* free_{nullptr};

    using Link [[gnu::may_alias]] = T*;
    static Link& link_in(T& object) { return *reinterpret_cast<Link*>(&object); }

public:
    template <std::size_t N>
    PlainList(const char* /*name*/, PlainMemory<T, N>& memory) : objects_(memory.objects) {
        for (std::size_t i = N; i > 0; --i) give_back(memory.objects[i - 1]);
    }

    /// There is a free one. `by`: the place in the program that gets it.
    [[nodiscard]] T& take(std::uintptr_t /*by*/ = 0) {
        T& object = *free_;
        free_ = link_in(object);
        return object;
    }
    void give_back(T& object, std::uintptr_t /*by*/ = 0) {
        link_in(object) = free_;
        free_ = &object;
    }
    /// Whoever is about to use or give back `object` may ask first. Stops the machine otherwise.
    void expect_lent(const T& /*object*/, std::uintptr_t /*by*/ = 0) const {}
    [[nodiscard]] T& operator[](std::size_t index) { return objects_[index]; }
    [[nodiscard]] std::size_t index_of(const T& object) const {
        return static_cast<std::size_t>(&object - objects_.data());
    }
    [[nodiscard]] std::size_t size() const { return objects_.size(); }
    [[nodiscard]] const PoolGuard* guard() const { return nullptr; }
};

template <typename T>
class GuardedList {
    static_assert(std::is_trivially_copyable_v<T>);
    using Place = GuardedPlace<T>;
    static_assert(sizeof(Place) == sizeof(T) + 2 * kPoolZoneOf<T>);
    std::span<Place> places_;
    PoolGuard guard_;
    std::uint32_t free_{0};

public:
    template <std::size_t N>
    GuardedList(const char* name, GuardedMemory<T, N>& memory)
        : places_(memory.places),
          guard_({.pool = name,
                  .first = reinterpret_cast<std::byte*>(&memory.places[0].object),
                  .stride = sizeof(Place),
                  .object_bytes = sizeof(T),
                  .zone_bytes = kPoolZoneOf<T>,
                  .marks = memory.marks,
                  .poisons = true}) {
        for (std::uint32_t i = 0; i < N; ++i) guard_.next_free(i) = i + 1;
    }

    [[nodiscard]] T& take(std::uintptr_t by = 0) {
        const std::uint32_t index = free_;
        guard_.take(index, by);
        free_ = guard_.next_free(index);
        return places_[index].object;
    }
    void give_back(T& object, std::uintptr_t by = 0) {
        const std::uint32_t index = guard_.check_release(&object, by);
        guard_.give_back(index, by);
        guard_.next_free(index) = free_;
        free_ = index;
    }
    void expect_lent(const T& object, std::uintptr_t by = 0) const {
        static_cast<void>(guard_.check_release(&object, by));
    }
    [[nodiscard]] T& operator[](std::size_t index) { return places_[index].object; }
    [[nodiscard]] std::size_t index_of(const T& object) const {
        return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&object) -
                                        reinterpret_cast<const std::byte*>(&places_[0].object)) /
               sizeof(Place);
    }
    [[nodiscard]] std::size_t size() const { return places_.size(); }
    [[nodiscard]] const PoolGuard* guard() const { return &guard_; }
};

template <typename T>
using FreeList = std::conditional_t<kDebugPools, GuardedList<T>, PlainList<T>>;

/// Who asked a pool for something: the caller of the outermost function that notes it, since one
/// may call another. Nothing in release images.
class CallerNote {
#if defined(KYU_DEBUG_POOLS)
    std::uintptr_t by_{0};

public:
    class Scope {
        CallerNote* note_;

    public:
        Scope(CallerNote& note, std::uintptr_t by) : note_(note.by_ == 0 ? &note : nullptr) {
            if (note_ != nullptr) note_->by_ = by;
        }
        ~Scope() {
            if (note_ != nullptr) note_->by_ = 0;
        }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
    };
    [[nodiscard]] std::uintptr_t by() const { return by_; }
#else
public:
    struct Scope {
        Scope(CallerNote& /*note*/, std::uintptr_t /*by*/) {}
    };
    [[nodiscard]] static constexpr std::uintptr_t by() { return 0; }
#endif
};

}  // namespace kyu
