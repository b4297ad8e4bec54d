// PoolRegistry: which pools there are, for the crash record, the shell and the heartbeat.
//
// Context   add at boot, before threads look, or with interrupts off; walking needs nothing.
// Ownership the caller owns entry and statistics and keeps both for ever (static).
#pragma once

#include "base/intrusive_list.hpp"
#include "base/pool.hpp"

namespace kyu {

struct PoolTag;

struct PoolEntry : ListLink<PoolTag> {
    const char* name;  ///< a literal without blanks
    const PoolStats* stats;
    const PoolGuard* guard;     ///< nullptr: nobody watches over its objects
    std::uint32_t next_look{};  ///< where check_some() goes on
    PoolEntry(const char* name_in, const PoolStats& stats_in, const PoolGuard* guard_in = nullptr)
        : name(name_in), stats(&stats_in), guard(guard_in) {}
};

class PoolRegistry {
    IntrusiveList<PoolEntry, PoolTag> pools_;

public:
    void add(PoolEntry& entry) { pools_.push_back(entry); }
    static void remove(PoolEntry& entry) { IntrusiveList<PoolEntry, PoolTag>::remove(entry); }
    [[nodiscard]] static bool has(PoolEntry& entry) {
        return IntrusiveList<PoolEntry, PoolTag>::contains_somewhere(entry);
    }
    /// Looks at every object of every guarded pool; calls f(const PoolDamage&) for each finding,
    /// until it returns false.
    template <typename F>
    void find_damage(F&& f) {
        for (const PoolEntry& entry : pools_) {
            if (!kGuardsBuilt || entry.guard == nullptr) continue;
            for (std::uint32_t next = 0; next < entry.guard->size();) {
                const auto damage = entry.guard->find_damage(next, entry.guard->size());
                if (damage && !f(*damage)) return;
            }
        }
    }
    /// The same, and the first finding stops the machine. Context: any.
    void check_all() {
        find_damage([](const PoolDamage& damage) -> bool { pool_damaged(damage); });
    }
    /// Looks at the next `count` objects of each guarded pool, round and round; the first finding
    /// stops the machine. Context: one thread, again and again; no lock.
    void check_some(std::uint32_t count) {
        for (PoolEntry& entry : pools_) {
            if (!kGuardsBuilt || entry.guard == nullptr) continue;
            if (entry.next_look >= entry.guard->size()) entry.next_look = 0;
            const auto damage = entry.guard->find_damage(entry.next_look, count);
            if (damage) pool_damaged(*damage);
        }
    }
    void clear() {
        while (pools_.pop_front() != nullptr) {
        }
    }
    [[nodiscard]] auto begin() { return pools_.begin(); }
    [[nodiscard]] auto end() { return pools_.end(); }
};

}  // namespace kyu
