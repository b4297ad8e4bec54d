// WatchedArray: the objects of a pool that live on while they are free, so that nothing may poison
// them; in debug images with red zones between them.
//
// Ownership owns the objects. Which of them are free is its user's business, who says so with
//           taken() and given_back().
// Lock      the user's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/pool_guard.hpp"

namespace kyu {

template <typename T, std::size_t N>
class PlainArray {
    std::array<T, N> objects_;

public:
    explicit PlainArray(const char* /*name*/) {}
    [[nodiscard]] T& operator[](std::size_t i) { return objects_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const { return objects_[i]; }
    [[nodiscard]] static constexpr std::size_t size() { return N; }
    void taken(std::size_t /*index*/, std::uintptr_t /*by*/) {}
    void given_back(std::size_t /*index*/, std::uintptr_t /*by*/) {}
    [[nodiscard]] const PoolGuard* guard() const { return nullptr; }
};

template <typename T, std::size_t N>
class GuardedArray {
    using Place = GuardedPlace<T>;
    std::array<Place, N> places_;
    std::array<PoolMark, N> marks_;
    PoolGuard guard_;

public:
    explicit GuardedArray(const char* name)
        : guard_({.pool = name,
                  .first = reinterpret_cast<std::byte*>(&places_[0].object),
                  .stride = sizeof(Place),
                  .object_bytes = sizeof(T),
                  .zone_bytes = kPoolZoneOf<T>,
                  .marks = marks_,
                  .poisons = false}) {
        static_assert(sizeof(Place) == sizeof(T) + 2 * kPoolZoneOf<T>);
    }
    [[nodiscard]] T& operator[](std::size_t i) { return places_[i].object; }
    [[nodiscard]] const T& operator[](std::size_t i) const { return places_[i].object; }
    [[nodiscard]] static constexpr std::size_t size() { return N; }
    void taken(std::size_t index, std::uintptr_t by) {
        guard_.take(static_cast<std::uint32_t>(index), by);
    }
    void given_back(std::size_t index, std::uintptr_t by) {
        guard_.give_back(guard_.check_release(&places_[index].object, by), by);
    }
    [[nodiscard]] const PoolGuard* guard() const { return &guard_; }
};

template <typename T, std::size_t N>
using WatchedArray = std::conditional_t<kDebugPools, GuardedArray<T, N>, PlainArray<T, N>>;

}  // namespace kyu
