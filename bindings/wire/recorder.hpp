// Recorders: the last frames of a wire that the rig does not carry.
//
// Rules     neither may slow the wire. TapRecorder lets the kernel copy frames into a ring that is
//           mapped here, and nobody is woken for it: its thread comes by now and then and gives the
//           oldest blocks back, so that there is always room. PipeRecorder reads what QEMU's
//           filter-dump writes, a pcap file that never ends.
// Limits    kBlocks of frames of the one, a budget of bytes of the other; what had to be missed is
//           counted.
// Context   any thread may call; one lock each. No Python in here.
// Time      nanoseconds since 1970: the kernel's and QEMU's stamps.
// Source    packet(7), PACKET_RX_RING with TPACKET_V3; draft-ietf-opsawg-pcap.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bindings/wire/capture.hpp"

namespace kyu::wire {

class TapRecorder {
public:
    /// Throws std::system_error when there is no such interface, or no right to listen to it.
    explicit TapRecorder(const std::string& interface);
    ~TapRecorder();
    TapRecorder(const TapRecorder&) = delete;
    TapRecorder& operator=(const TapRecorder&) = delete;

    /// Ends the thread; what was recorded stays. May be called again.
    void stop();
    void mark(std::string text);
    /// Frames and marks, oldest first. Waits until the kernel has handed over the last ones.
    [[nodiscard]] std::vector<Captured> captured();
    /// Frames that found no room.
    [[nodiscard]] std::uint64_t missed();

private:
    // Of each frame only the beginning, for copying whole ones costs a fifth of the traffic on two
    // cores. Headers with all options are 94 bytes.
    static constexpr std::size_t kSnapBytes = 160;
    static constexpr std::size_t kBlockBytes = 32768;  // some 130 frames
    static constexpr std::size_t kBlocks = 256;
    static constexpr std::size_t kFree = 64;    // so late the thread may be on a busy host
    static constexpr unsigned kRetireMs = 200;  // a block that is not full is handed over so late
    static constexpr std::size_t kMarks = 4096;
    static constexpr int kHurried = -10;
    static constexpr int kLookMs = 20;

    int fd_;
    std::byte* ring_{nullptr};
    std::size_t oldest_{0};  // block that is given back next
    std::size_t next_{0};    // block that the kernel fills next
    std::size_t held_{0};
    std::uint64_t missed_{0};
    std::deque<Captured> marks_;
    std::atomic<bool> stopping_{false};
    std::mutex lock_;
    std::thread thread_;

    void open(const std::string& interface);
    void run();
    /// Takes note of what has come, and makes room.
    void look();
    [[nodiscard]] std::byte* block(std::size_t number) const {
        return ring_ + number % kBlocks * kBlockBytes;
    }
};

class PipeRecorder {
public:
    /// Reads `fd`, which stays the caller's and open until stop(). A frame from `board` goes to the
    /// host.
    PipeRecorder(int fd, std::array<std::byte, 6> board, std::size_t keep_bytes);
    ~PipeRecorder() { stop(); }
    PipeRecorder(const PipeRecorder&) = delete;
    PipeRecorder& operator=(const PipeRecorder&) = delete;

    void stop();
    void mark(std::string text);
    [[nodiscard]] std::vector<Captured> captured() const;
    /// Bytes that were no pcap.
    [[nodiscard]] std::uint64_t missed() const;

private:
    static constexpr std::size_t kHeaderBytes = 24, kRecordBytes = 16, kFrameMax = 65536;

    int fd_;
    std::array<std::byte, 6> board_;
    Capture capture_;
    std::vector<std::byte> pending_;
    std::uint64_t missed_{0};
    int wake_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex lock_;
    std::thread thread_;

    void run();
    /// Bytes of `pending_` that are done with.
    std::size_t take();
};

}  // namespace kyu::wire
