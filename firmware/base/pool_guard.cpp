#include "base/pool_guard.hpp"

#include <cstring>

#include "base/caller.hpp"
#include "base/check.hpp"

namespace kyu {
namespace {

using Word [[gnu::may_alias]] = std::uintptr_t;

/// The first of `count` bytes that is not `expected`, or nullptr. Most of the guard's time is here.
const std::byte* first_other(const std::byte* at, std::size_t count, std::byte expected) {
    constexpr std::size_t kAtOnce = 8;
    constexpr Word kOnes = ~Word{0} / 0xFF;  // 0x01 in every byte
    const Word pattern = kOnes * static_cast<Word>(expected);
    const std::byte* const end = at + count;
    while (at != end && reinterpret_cast<std::uintptr_t>(at) % sizeof(Word) != 0) {
        if (*at != expected) return at;
        ++at;
    }
    while (static_cast<std::size_t>(end - at) >= kAtOnce * sizeof(Word)) {
        const auto* words = reinterpret_cast<const Word*>(at);
        Word differs = 0;
        for (std::size_t i = 0; i < kAtOnce; ++i) differs |= words[i] ^ pattern;
        if (differs != 0) break;
        at += kAtOnce * sizeof(Word);
    }
    while (at != end && *at == expected) ++at;
    return at == end ? nullptr : at;
}

}  // namespace

const char* to_text(PoolFault fault) {
    switch (fault) {
        case PoolFault::overrun: return "overrun";
        case PoolFault::underrun: return "underrun";
        case PoolFault::used_after_free: return "used-after-free";
        case PoolFault::released_twice: return "released-twice";
        case PoolFault::foreign_released: return "foreign-released";
    }
    return "damaged";
}

PoolGuard::PoolGuard(const Places& places) : places_(places) {
    for (std::uint32_t i = 0; i < size(); ++i) {
        std::byte* const it = object(i);
        std::memset(it - places_.zone_bytes, static_cast<int>(kPoolZone), places_.zone_bytes);
        std::memset(it + places_.object_bytes, static_cast<int>(kPoolZone), places_.zone_bytes);
        if (places_.poisons) std::memset(it, static_cast<int>(kPoolPoison), places_.object_bytes);
        places_.marks[i] = PoolMark{};
    }
}

std::optional<std::uint32_t> PoolGuard::find(const void* object) const {
    const auto at = reinterpret_cast<std::uintptr_t>(object);
    const auto first = reinterpret_cast<std::uintptr_t>(places_.first);
    if (at < first || (at - first) % places_.stride != 0) return std::nullopt;
    const std::uintptr_t index = (at - first) / places_.stride;
    if (index >= size()) return std::nullopt;
    return static_cast<std::uint32_t>(index);
}

PoolDamage PoolGuard::finding(PoolFault fault, std::uint32_t index, const std::byte* wrong) const {
    const std::byte* const begin = object(index);
    const std::byte* const end = begin + places_.object_bytes + places_.zone_bytes;
    PoolDamage damage;
    damage.pool = places_.pool;
    damage.fault = fault;
    damage.index = index;
    damage.object = reinterpret_cast<std::uintptr_t>(begin);
    damage.taken_by = places_.marks[index].taken_by;
    damage.freed_by = places_.marks[index].freed_by;
    if (wrong == nullptr) return damage;
    damage.offset = wrong - begin;
    damage.found_bytes = std::min(PoolDamage::kShown, static_cast<std::size_t>(end - wrong));
    std::copy_n(wrong, damage.found_bytes, damage.found.begin());
    return damage;
}

/// `lent`: as it is meant to be, so that only its zones are ours to look at.
std::optional<PoolDamage> PoolGuard::look_at(std::uint32_t index, bool lent) const {
    const std::byte* const it = object(index);
    const std::size_t zone = places_.zone_bytes;
    // In this order: a long write is told by where it left its object.
    if (const std::byte* wrong = first_other(it + places_.object_bytes, zone, kPoolZone)) {
        return finding(PoolFault::overrun, index, wrong);
    }
    if (!lent && places_.poisons) {
        if (const std::byte* wrong = first_other(it, places_.object_bytes, kPoolPoison)) {
            return finding(PoolFault::used_after_free, index, wrong);
        }
    }
    if (const std::byte* wrong = first_other(it - zone, zone, kPoolZone)) {
        return finding(PoolFault::underrun, index, wrong);
    }
    return std::nullopt;
}

void PoolGuard::check(std::uint32_t index, std::uintptr_t by) const {
    auto damage = look_at(index, places_.marks[index].lent);
    if (!damage) return;
    damage->now_by = by;
    pool_damaged(*damage);
}

/// What is in memory before is in memory for whoever interrupts from here on.
void PoolGuard::change_hands(std::uint32_t index, bool lent) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    places_.marks[index].lent = lent;
    ++places_.marks[index].changes;
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

void PoolGuard::take(std::uint32_t index, std::uintptr_t by) {
    if (by == 0) by = KYU_CALLER();
    CHECK(index < size() && !places_.marks[index].lent);
    check(index, by);
    places_.marks[index].taken_by = by;
    change_hands(index, true);
}

std::uint32_t PoolGuard::check_release(const void* object, std::uintptr_t by) const {
    if (by == 0) by = KYU_CALLER();
    const auto index = find(object);
    if (!index) {
        PoolDamage damage;
        damage.pool = places_.pool;
        damage.fault = PoolFault::foreign_released;
        damage.object = reinterpret_cast<std::uintptr_t>(object);
        damage.now_by = by;
        pool_damaged(damage);
    }
    if (!places_.marks[*index].lent) {
        PoolDamage damage = finding(PoolFault::released_twice, *index, nullptr);
        damage.now_by = by;
        pool_damaged(damage);
    }
    check(*index, by);
    return *index;
}

void PoolGuard::give_back(std::uint32_t index, std::uintptr_t by) {
    if (by == 0) by = KYU_CALLER();
    places_.marks[index].freed_by = by;
    if (places_.poisons) {
        std::memset(object(index), static_cast<int>(kPoolPoison), places_.object_bytes);
    }
    change_hands(index, false);
}

std::optional<PoolDamage> PoolGuard::find_damage(std::uint32_t& from, std::uint32_t count) const {
    for (; count > 0 && from < size(); --count, ++from) {
        const PoolMark before = places_.marks[from];
        std::atomic_signal_fence(std::memory_order_seq_cst);
        const auto damage = look_at(from, before.lent);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (!damage || places_.marks[from].changes != before.changes) continue;
        ++from;
        return damage;
    }
    return std::nullopt;
}

}  // namespace kyu
