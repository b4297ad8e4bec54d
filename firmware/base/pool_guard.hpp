// PoolGuard: red zones and poison around the objects of one pool, for debug images.
//
// Context   any. Whoever lends and takes back holds the pool's lock; looking for damage needs none:
//           an object that changes hands meanwhile is left out.
// Ownership the pool owns memory and marks, and keeps both as long as the guard.
// Rules     An object lies between two red zones. A free one is full of poison. What is wrong is
//           found when an object is lent, when it comes back, and by find_damage(): a wrong byte of
//           a zone, a wrong byte of a free object, a second release, a pointer that is not ours.
//           Both patterns are addresses that nothing is mapped at, so that a pointer read from a
//           free object faults.
// Cost      fill and compare of the object on each way; two zones and one PoolMark an object. Only
//           in builds with KYU_DEBUG_POOLS; elsewhere pools are plain (base/pool.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace kyu {

#if defined(KYU_DEBUG_POOLS)
inline constexpr bool kDebugPools = true;
#else
inline constexpr bool kDebugPools = false;
#endif

/// Whether there may be a guarded pool at all: not in a release image, which has none of this code.
#if defined(__linux__) || defined(__APPLE__)
inline constexpr bool kGuardsBuilt = true;
#else
inline constexpr bool kGuardsBuilt = kDebugPools;
#endif

inline constexpr std::byte kPoolPoison{0xD5};  ///< a free object
inline constexpr std::byte kPoolZone{0xA7};    ///< a red zone
/// Bytes of a red zone, but never less than the object's alignment: what a device reads and writes
/// in whole cache lines shares none of them with a zone.
inline constexpr std::size_t kPoolZoneBytes = 32;

template <typename T>
inline constexpr std::size_t kPoolZoneOf = std::max(kPoolZoneBytes, alignof(T));

/// Memory of one object between its zones. No initialisers: PoolGuard fills what it needs.
template <typename T>
struct GuardedPlace {
    alignas(T) std::array<std::byte, kPoolZoneOf<T>> before;
    T object;
    std::array<std::byte, kPoolZoneOf<T>> after;
};

enum class PoolFault : std::uint8_t {
    overrun,           ///< a write beyond the end of an object
    underrun,          ///< a write before its beginning
    used_after_free,   ///< a write into a free object
    released_twice,    ///< the object is free already
    foreign_released,  ///< the pointer is no object of this pool
};
[[nodiscard]] const char* to_text(PoolFault fault);

/// One finding.
struct PoolDamage {
    static constexpr std::size_t kShown = 8;
    const char* pool{""};
    PoolFault fault{};
    std::uint32_t index{};                  ///< of the object; 0 when it is foreign
    std::uintptr_t object{};                ///< its first byte, or the foreign pointer
    std::intptr_t offset{};                 ///< of the first wrong byte, from the object's first
    std::array<std::byte, kShown> found{};  ///< what is there, from the wrong byte on
    std::size_t found_bytes{};
    std::uintptr_t taken_by{};  ///< return addresses into whoever took it last …
    std::uintptr_t freed_by{};  ///< … and gave it back last; 0: nobody yet
    std::uintptr_t now_by{};    ///< who gives it back now; 0: found by looking
};

/// Stops the machine, kind check, with the finding as its reason. Supplied by the kernel.
[[noreturn]] void pool_damaged(const PoolDamage& damage);

/// What is remembered of one object, out of reach of its overruns.
struct PoolMark {
    std::uintptr_t taken_by;
    std::uintptr_t freed_by;
    std::uint32_t next_free;  ///< the pool's own use
    std::uint32_t changes;    ///< grows when the object changes hands
    bool lent;
};

class PoolGuard {
public:
    /// Where the objects are. The pool names itself in every finding: a literal without blanks.
    struct Places {
        const char* pool;
        std::byte* first;          ///< first byte of object 0
        std::size_t stride;        ///< from object to object
        std::size_t object_bytes;  ///< without zones
        std::size_t zone_bytes;    ///< before and after each
        std::span<PoolMark> marks;
        bool poisons;  ///< false: objects live on while they are free; only the zones are watched
    };

private:
    Places places_;

    [[nodiscard]] std::byte* object(std::uint32_t index) const {
        return places_.first + index * places_.stride;
    }
    [[nodiscard]] PoolDamage finding(PoolFault fault, std::uint32_t index,
                                     const std::byte* wrong) const;
    [[nodiscard]] std::optional<PoolDamage> look_at(std::uint32_t index, bool lent) const;
    void check(std::uint32_t index, std::uintptr_t by) const;
    void change_hands(std::uint32_t index, bool lent);

public:
    /// Every object is free. Fills zones and, where it poisons, the objects.
    explicit PoolGuard(const Places& places);
    PoolGuard(const PoolGuard&) = delete;
    PoolGuard& operator=(const PoolGuard&) = delete;
    ~PoolGuard() = default;

    // `by` is the place in the program that gets or gives the object; 0: that of the call.

    /// Object `index`, which is free, is lent from now on. Stops the machine when it is damaged.
    [[gnu::noinline]] void take(std::uint32_t index, std::uintptr_t by = 0);
    /// The index of `object`, which is given back. Stops the machine when it is none of ours, is
    /// free already, or is damaged.
    [[nodiscard, gnu::noinline]] std::uint32_t check_release(const void* object,
                                                             std::uintptr_t by = 0) const;
    /// Object `index` is free from now on: after check_release() and after it was destroyed.
    [[gnu::noinline]] void give_back(std::uint32_t index, std::uintptr_t by = 0);

    /// The first damage among `count` objects from `from` on; `from` moves behind what was looked
    /// at. Context: any, no lock.
    [[nodiscard]] std::optional<PoolDamage> find_damage(std::uint32_t& from,
                                                        std::uint32_t count) const;

    [[nodiscard]] std::uint32_t size() const {
        return static_cast<std::uint32_t>(places_.marks.size());
    }
    [[nodiscard]] bool lent(std::uint32_t index) const { return places_.marks[index].lent; }
    [[nodiscard]] std::uint32_t& next_free(std::uint32_t index) {
        return places_.marks[index].next_free;
    }
    /// Whether `object` is the first byte of one of ours, and which.
    [[nodiscard]] std::optional<std::uint32_t> find(const void* object) const;
};

}  // namespace kyu
