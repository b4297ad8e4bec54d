// Recorders: rings of the kernel's and of our own.
//
// Context   run() and what it calls: a recorder's thread. Everything else: any thread.
#include "bindings/wire/recorder.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

namespace kyu::wire {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

TimeNs real_time() {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return TimeNs{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

tpacket_block_desc* block_at(std::byte* block) {
    return reinterpret_cast<tpacket_block_desc*>(block);
}

// Whose block it is; what the kernel has written before it said so is seen after this.
bool is_ours(std::byte* block) {
    const std::atomic_ref status{block_at(block)->hdr.bh1.block_status};
    return (status.load(std::memory_order_acquire) & TP_STATUS_USER) != 0;
}

void give_back(std::byte* block) {
    const std::atomic_ref status{block_at(block)->hdr.bh1.block_status};
    status.store(TP_STATUS_KERNEL, std::memory_order_release);
}

void frames_in(std::byte* block, std::vector<Captured>& all) {
    const auto& header = block_at(block)->hdr.bh1;
    std::byte* at = block + header.offset_to_first_pkt;
    for (std::uint32_t n = 0; n < header.num_pkts; ++n) {
        const auto& frame = *reinterpret_cast<const tpacket3_hdr*>(at);
        const auto* from =
            reinterpret_cast<const sockaddr_ll*>(at + TPACKET_ALIGN(sizeof(tpacket3_hdr)));
        const std::byte* data = at + frame.tp_mac;
        all.push_back({.at = TimeNs{frame.tp_sec} * 1'000'000'000 + frame.tp_nsec,
                       .to_board = from->sll_pkttype == PACKET_OUTGOING,
                       .length = frame.tp_len,
                       .bytes = {data, data + frame.tp_snaplen}});
        at += frame.tp_next_offset;
    }
}

}  // namespace

// ---- TapRecorder ------

TapRecorder::TapRecorder(const std::string& interface)
    // No protocol yet: nothing may come before the ring is there.
    : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) fail("a recorder's socket");
    try {
        open(interface);
    } catch (...) {
        close(fd_);
        throw;
    }
    thread_ = std::thread{[this] { run(); }};
}

void TapRecorder::open(const std::string& interface) {
    const int version = TPACKET_V3;
    if (setsockopt(fd_, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0) fail("a ring");
    tpacket_req3 wanted{};
    wanted.tp_block_size = kBlockBytes;
    wanted.tp_block_nr = kBlocks;
    wanted.tp_frame_size = kBlockBytes / 64;  // the kernel packs them closer
    wanted.tp_frame_nr = 64 * kBlocks;
    wanted.tp_retire_blk_tov = kRetireMs;
    if (setsockopt(fd_, SOL_PACKET, PACKET_RX_RING, &wanted, sizeof wanted) < 0) fail("a ring");
    void* mapped = mmap(nullptr, kBlocks * kBlockBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (mapped == MAP_FAILED) fail("a ring");
    ring_ = static_cast<std::byte*>(mapped);
    // One instruction: so much of each frame is taken.
    std::array<sock_filter, 1> code{sock_filter{BPF_RET | BPF_K, 0, 0, kSnapBytes}};
    const sock_fprog program{code.size(), code.data()};
    if (setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("a ring");
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_protocol = htons(ETH_P_ALL);
    where.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    if (where.sll_ifindex == 0 ||
        bind(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) < 0) {
        const int error = errno;
        munmap(ring_, kBlocks * kBlockBytes);
        errno = error;
        fail("a recorder's interface");
    }
}

TapRecorder::~TapRecorder() {
    stop();
    munmap(ring_, kBlocks * kBlockBytes);
    close(fd_);
}

void TapRecorder::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    thread_.join();
}

void TapRecorder::run() {
    // It works for microseconds, but must not come late. Who may not ask for that does without.
    static_cast<void>(setpriority(PRIO_PROCESS, 0, kHurried));
    while (!stopping_) {
        look();
        std::this_thread::sleep_for(std::chrono::milliseconds{kLookMs});
    }
}

void TapRecorder::look() {
    const std::lock_guard locked{lock_};
    for (; held_ < kBlocks && is_ours(block(next_)); ++held_) ++next_;
    for (; held_ > kBlocks - kFree; --held_) give_back(block(oldest_++));
}

void TapRecorder::mark(std::string text) {
    const std::lock_guard locked{lock_};
    marks_.push_back({.at = real_time(), .mark = true, .text = std::move(text)});
    if (marks_.size() > kMarks) marks_.pop_front();
}

std::vector<Captured> TapRecorder::captured() {
    std::this_thread::sleep_for(std::chrono::milliseconds{kRetireMs + kRetireMs / 2});
    look();
    const std::lock_guard locked{lock_};
    std::vector<Captured> frames;
    for (std::size_t n = 0; n < held_; ++n) frames_in(block(oldest_ + n), frames);
    std::vector<Captured> all;
    all.reserve(frames.size() + marks_.size());
    auto mark = marks_.begin();
    for (Captured& frame : frames) {
        // Marks of before the first frame are of frames that are gone.
        for (; mark != marks_.end() && mark->at <= frame.at; ++mark) {
            if (!all.empty()) all.push_back(*mark);
        }
        all.push_back(std::move(frame));
    }
    all.insert(all.end(), mark, marks_.end());
    return all;
}

std::uint64_t TapRecorder::missed() {
    const std::lock_guard locked{lock_};
    tpacket_stats_v3 stats{};
    socklen_t size = sizeof stats;  // asking sets it back to 0
    if (getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
        missed_ += stats.tp_drops;
    return missed_;
}

// ---- PipeRecorder ------

PipeRecorder::PipeRecorder(int fd, std::array<std::byte, 6> board, std::size_t keep_bytes)
    : fd_(fd), board_(board), capture_(keep_bytes, kFrameMax), wake_(eventfd(0, EFD_CLOEXEC)) {
    if (wake_ < 0) fail("eventfd");
    thread_ = std::thread{[this] { run(); }};
}

void PipeRecorder::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
    thread_.join();
    close(wake_);
}

void PipeRecorder::run() {
    std::array<pollfd, 2> fds{pollfd{fd_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
    std::vector<std::byte> buffer(std::size_t{1} << 18U);
    while (!stopping_) {
        if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
        if ((fds[0].revents & POLLIN) == 0) {
            if (fds[0].revents != 0) return;  // nobody writes any more, or ever will
            continue;
        }
        const ssize_t got = read(fd_, buffer.data(), buffer.size());
        if (got <= 0) continue;
        const std::lock_guard locked{lock_};
        pending_.insert(pending_.end(), buffer.begin(), buffer.begin() + got);
        const std::size_t done = take();
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
    }
}

std::size_t PipeRecorder::take() {
    constexpr std::uint32_t kMagic = 0xA1B2C3D4;
    std::size_t at = 0;
    for (;;) {
        const std::span left{std::span(pending_).subspan(at)};
        if (left.size() < kRecordBytes) return at;
        std::array<std::uint32_t, 4> words{};
        std::memcpy(words.data(), left.data(), kRecordBytes);
        if (words[0] == kMagic) {  // each power-on begins a file anew
            if (left.size() < kHeaderBytes) return at;
            at += kHeaderBytes;
            continue;
        }
        const auto [seconds, us, kept, length] = words;
        if (kept > kFrameMax || us >= 1'000'000) {
            missed_ += left.size();
            return pending_.size();
        }
        if (left.size() < kRecordBytes + kept) return at;
        const auto frame = left.subspan(kRecordBytes, kept);
        const bool ours = frame.size() >= 12 && std::ranges::equal(frame.subspan(6, 6), board_);
        const TimeNs stamp = (TimeNs{seconds} * 1'000'000 + us) * 1000;
        capture_.frame(stamp, !ours, frame, {});
        at += kRecordBytes + kept;
    }
}

void PipeRecorder::mark(std::string text) {
    const std::lock_guard locked{lock_};
    capture_.mark(real_time(), std::move(text));
}

std::vector<Captured> PipeRecorder::captured() const {
    const std::lock_guard locked{lock_};
    return capture_.all();
}

std::uint64_t PipeRecorder::missed() const {
    const std::lock_guard locked{lock_};
    return missed_;
}

}  // namespace kyu::wire
