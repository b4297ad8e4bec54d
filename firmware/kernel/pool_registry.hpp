// PoolRegistry: which pools there are, for the crash record, the shell and the heartbeat.
//
// Context   add at boot, before threads look; walking needs nothing.
// Ownership the caller owns entry and statistics and keeps both for ever (static).
#pragma once

#include "base/intrusive_list.hpp"
#include "base/pool.hpp"

namespace kyu {

struct PoolTag;

struct PoolEntry : ListLink<PoolTag> {
    const char* name;  ///< a literal without blanks
    const PoolStats* stats;
    PoolEntry(const char* name_in, const PoolStats& stats_in) : name(name_in), stats(&stats_in) {}
};

class PoolRegistry {
    IntrusiveList<PoolEntry, PoolTag> pools_;

public:
    void add(PoolEntry& entry) { pools_.push_back(entry); }
    static void remove(PoolEntry& entry) { IntrusiveList<PoolEntry, PoolTag>::remove(entry); }
    void clear() {
        while (pools_.pop_front() != nullptr) {
        }
    }
    [[nodiscard]] auto begin() { return pools_.begin(); }
    [[nodiscard]] auto end() { return pools_.end(); }
};

}  // namespace kyu
