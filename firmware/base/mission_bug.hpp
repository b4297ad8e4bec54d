// The bugs of the story, to be planted again: which one a board is told to have.
//
// Why       A net that has never caught a fish proves nothing. Each of these once hung, broke or
//           corrupted the original; the simulator must find every one, with the right cause, and
//           nothing when none is planted (docs/planted-bugs.md).
// Rules     Only builds with KYU_DEFECTS have the code. Elsewhere PlantedBug is empty, and every
//           hook stands inside `if constexpr (kMissionBugs)`, so that none of it is compiled in.
//           The body of each bug lies in a folder called planted/ or defects/, not at its hook.
// Ownership one selection a board, by value: many boards live in one process.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kyu {

#if defined(KYU_DEFECTS)
inline constexpr bool kMissionBugs = true;
#else
inline constexpr bool kMissionBugs = false;
#endif

enum class MissionBug : std::uint8_t {
    none,
    unlocked_sendbuf,  ///< sosend works on the send buffer without the lock: m_copym panics
    close_deadlock,    ///< close keeps the lock while it waits for what needs the lock
    lost_wakeup,       ///< sosend gives the lock up before it is known to be waiting
    deaf_receiver,     ///< the receiver is not started again after its ring ran full
    freelist_lost,     ///< a socket is zeroed after it was linked into the free list
    timewait_pool,     ///< TIME_WAIT keeps the socket, so sockets run out
    shared_buffer,     ///< all wangdoodle connections fill and send one buffer
    icmp_leak,         ///< an echo reply that nobody asked for is never freed
    odd_checksum,      ///< each piece of a chain is summed as if it began at an even offset
};

struct MissionBugName {
    MissionBug bug;
    std::string_view name;
};

/// In the order of the story; `none` is not in it.
inline constexpr std::array kMissionBugNames{
    MissionBugName{MissionBug::unlocked_sendbuf, "unlocked-sendbuf"},
    MissionBugName{MissionBug::close_deadlock, "close-deadlock"},
    MissionBugName{MissionBug::lost_wakeup, "lost-wakeup"},
    MissionBugName{MissionBug::deaf_receiver, "deaf-receiver"},
    MissionBugName{MissionBug::freelist_lost, "freelist-lost"},
    MissionBugName{MissionBug::timewait_pool, "timewait-pool"},
    MissionBugName{MissionBug::shared_buffer, "shared-buffer"},
    MissionBugName{MissionBug::icmp_leak, "icmp-leak"},
    MissionBugName{MissionBug::odd_checksum, "odd-checksum"},
};

[[nodiscard]] constexpr std::string_view name_of(MissionBug bug) {
    for (const MissionBugName& row : kMissionBugNames) {
        if (row.bug == bug) return row.name;
    }
    return "none";
}

/// MissionBug::none when it is not one of ours.
[[nodiscard]] constexpr MissionBug mission_bug_named(std::string_view name) {
    for (const MissionBugName& row : kMissionBugNames) {
        if (row.name == name) return row.bug;
    }
    return MissionBug::none;
}

/// The bug of one board, or of one part of it.
class PlantedBug {
#if defined(KYU_DEFECTS)
    MissionBug bug_{MissionBug::none};

public:
    constexpr PlantedBug() = default;
    constexpr explicit PlantedBug(MissionBug bug) : bug_(bug) {}
    [[nodiscard]] constexpr bool is(MissionBug bug) const { return bug_ == bug; }
    [[nodiscard]] constexpr MissionBug bug() const { return bug_; }
#else
public:
    constexpr PlantedBug() = default;
    constexpr explicit PlantedBug(MissionBug) {}
    [[nodiscard]] constexpr bool is(MissionBug) const { return false; }
    [[nodiscard]] constexpr MissionBug bug() const { return MissionBug::none; }
#endif
};

}  // namespace kyu
