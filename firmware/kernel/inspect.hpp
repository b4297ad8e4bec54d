// What a person asks of the running kernel: one thread in detail, all threads at one moment.
//
// Context   threads. Each looks with interrupts off, O(kThreadsMax) at most, and prints afterwards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/text.hpp"
#include "kernel/thread.hpp"

namespace kyu {

struct ThreadSample {
    const char* name{""};
    unsigned id{};
    unsigned priority{};
    Duration cpu{};  ///< since the thread was made, its present turn included
};

/// All threads as they are at one moment, the oldest first. Returns how many.
std::size_t sample_threads(ThreadContext& self, std::span<ThreadSample, kThreadsMax> into);

struct ThreadDetail {
    static constexpr std::size_t kFrames = 24;
    static constexpr std::size_t kHeld = 8;
    ThreadInfo info;
    Instant at;  ///< when it was so
    bool is_caller{};
    unsigned base_priority{};
    std::uintptr_t stack_low{};
    std::uintptr_t sp{};
    std::array<std::uintptr_t, kFrames> frames{};
    std::size_t frame_count{};
    std::array<const char*, kHeld> held{};  ///< names of the mutexes it owns
    std::size_t held_count{};
};

/// The thread of that name, or of that id in decimal. nullptr: there is none. The pointer holds as
/// long as the thread's owner keeps it; on the board that is for ever.
Thread* find_thread(ThreadContext& self, std::string_view name_or_id);

/// False: there is no such thread.
bool inspect_thread(ThreadContext& self, std::string_view name_or_id, ThreadDetail& out);

/// "Called from NAME+off -- ADDRESS" for each return address.
void print_frames(TextSink& sink, std::span<const std::uintptr_t> pcs);

}  // namespace kyu
