// The crash record: a traceback for people, then framed lines for programs (docs/console.md).
//
// Context   a panic: interrupts off, nothing else runs. Reads everything, changes nothing.
// Lock      none, on purpose: a lock that is held at a panic is part of the report.
#pragma once

#include <string_view>

#include "base/text.hpp"

namespace kyu {

class Kernel;

inline constexpr std::size_t kCrashEventsMax = 64;  ///< the newest; each costs 5 ms at 115200 Bd

/// Writes to the console by polling, as is.
class PolledSink final : public TextSink {
public:
    void put(std::string_view text) override;
};

/// The same, and kept for the next boot to tell (kernel/last_crash.hpp).
class CrashSink final : public TextSink {
public:
    void put(std::string_view text) override;
};

/// What the console still had queued, then the record of kernel.crash().
void write_crash_record(Kernel& kernel);

}  // namespace kyu
