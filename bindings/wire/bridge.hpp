// Bridge: the wire between a host's TAP device and an emulated board, in a thread of its own.
//
// Ownership the two descriptors stay the caller's, and open until the bridge has stopped; each
//           reads and writes whole Ethernet frames (TAP without a header, a socket of datagrams).
// Rules     A frame that has no fate but to pass is written at once. While the far side takes no
//           more, its source is not read: frames queue up where they would without a bridge; after
//           kPatience they are dropped, as a cable would.
// Context   any thread may call; one lock. No Python in here.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bindings/wire/capture.hpp"
#include "bindings/wire/lane.hpp"

namespace kyu::wire {

/// Which way a frame goes; also an index.
enum class Way : std::uint8_t { to_board, to_host };

class Bridge {
public:
    Bridge(int host_fd, int board_fd, std::size_t keep_bytes, std::size_t snap_bytes);
    ~Bridge() { stop(); }
    Bridge(const Bridge&) = delete;
    Bridge& operator=(const Bridge&) = delete;

    /// Ends the thread; frames that are under way are lost. May be called again.
    void stop();
    /// From now on frames that go this way have fates of this plan.
    void set(Way way, host::FatePlan plan, std::uint64_t seed);
    /// From now on they pass.
    void clear(Way way);
    void cut(Way way, bool is_cut);
    void mark(std::string text);
    [[nodiscard]] LaneCounters counters(Way way) const;
    [[nodiscard]] std::vector<Captured> captured() const;
    /// Lets go of what was captured: whoever still wants the counters need not hold megabytes.
    void forget();
    [[nodiscard]] std::uint64_t forgotten() const;
    /// Why the thread ended by itself; empty while it runs and after stop().
    [[nodiscard]] std::string error() const;

    /// The bridge's clock.
    static TimeNs now();

private:
    static constexpr TimeNs kPatience = 200'000'000;
    static constexpr std::size_t kFrameMax = 65536;
    static constexpr int kFramesAtOnce = 64;

    struct End {
        int in;   ///< where this lane's frames come from
        int out;  ///< and where they go
        Lane lane{};
        std::deque<std::vector<std::byte>> held{};  ///< the far side took no more
        TimeNs stuck_since{0};                      ///< meaningful while any is held
        bool deaf{false};                           ///< it has taken none for kPatience
    };
    std::array<End, 2> ends_;
    Capture capture_;
    std::string error_;
    int wake_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex lock_;
    std::thread thread_;

    void run();
    /// False: the end is gone, and error_ says so.
    bool wait();
    bool pump(Way way);
    bool take_in(End& end, Way way);
    void deliver(End& end, std::span<const std::byte> frame);
    static void flush_held(End& end);
    bool failed(const char* what);
    void wake();
};

}  // namespace kyu::wire
