// Bridge: the thread that carries frames.
//
// Context   run() and what it calls: the bridge's thread. Everything else: any thread.
#include "bindings/wire/bridge.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace kyu::wire {

namespace {

constexpr TimeNs kNsPerS = 1'000'000'000;

void make_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        throw std::system_error(errno, std::generic_category(), "a wire's descriptor");
    }
}

std::size_t index_of(Way way) { return static_cast<std::size_t>(way); }

}  // namespace

TimeNs Bridge::now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return TimeNs{t.tv_sec} * kNsPerS + t.tv_nsec;
}

Bridge::Bridge(int host_fd, int board_fd, std::size_t keep_bytes, std::size_t snap_bytes)
    : ends_{{{.in = host_fd, .out = board_fd}, {.in = board_fd, .out = host_fd}}},
      capture_(keep_bytes, snap_bytes),
      wake_(-1) {
    make_nonblocking(host_fd);
    make_nonblocking(board_fd);
    wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    thread_ = std::thread{[this] { run(); }};
}

void Bridge::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    wake();
    thread_.join();
    close(wake_);
}

void Bridge::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

void Bridge::set(Way way, host::FatePlan plan, std::uint64_t seed) {
    const std::lock_guard locked{lock_};
    ends_[index_of(way)].lane.set(std::move(plan), seed, now());
}

void Bridge::clear(Way way) {
    const std::lock_guard locked{lock_};
    ends_[index_of(way)].lane.clear();
}

void Bridge::cut(Way way, bool is_cut) {
    const std::lock_guard locked{lock_};
    ends_[index_of(way)].lane.cut(is_cut);
}

void Bridge::mark(std::string text) {
    const std::lock_guard locked{lock_};
    capture_.mark(now(), std::move(text));
}

LaneCounters Bridge::counters(Way way) const {
    const std::lock_guard locked{lock_};
    return ends_[index_of(way)].lane.counters;
}

std::vector<Captured> Bridge::captured() const {
    const std::lock_guard locked{lock_};
    return capture_.all();
}

void Bridge::forget() {
    const std::lock_guard locked{lock_};
    capture_.forget();
}

std::uint64_t Bridge::forgotten() const {
    const std::lock_guard locked{lock_};
    return capture_.forgotten();
}

std::string Bridge::error() const {
    const std::lock_guard locked{lock_};
    return error_;
}

bool Bridge::failed(const char* what) {
    error_ = std::string{what} + ": " + std::strerror(errno);
    return false;
}

void Bridge::run() {
    while (!stopping_) {
        if (!wait()) return;
        const std::lock_guard locked{lock_};
        for (const Way way : {Way::to_board, Way::to_host}) {
            if (!pump(way)) return;
        }
    }
}

bool Bridge::wait() {
    std::array<pollfd, 5> fds{};
    TimeNs due = INT64_MAX;
    {
        const std::lock_guard locked{lock_};
        for (std::size_t i = 0; i < ends_.size(); ++i) {
            const End& end = ends_[i];
            const bool stuck = !end.held.empty();
            fds[2 * i] = {stuck ? -1 : end.in, POLLIN, 0};
            fds[2 * i + 1] = {stuck ? end.out : -1, POLLOUT, 0};
            due = std::min(due, stuck ? end.stuck_since + kPatience : end.lane.next());
        }
    }
    fds[4] = {wake_, POLLIN, 0};
    timespec timeout{};
    const TimeNs left = due == INT64_MAX ? 0 : std::max<TimeNs>(due - now(), 0);
    timeout.tv_sec = left / kNsPerS;
    timeout.tv_nsec = left % kNsPerS;
    const int ready = ppoll(fds.data(), fds.size(), due == INT64_MAX ? nullptr : &timeout, nullptr);
    return ready >= 0 || errno == EINTR;
}

bool Bridge::pump(Way way) {
    End& end = ends_[index_of(way)];
    if (!end.held.empty()) flush_held(end);
    if (!end.held.empty()) return true;
    end.lane.run(now(), [this, &end](std::span<const std::byte> f) { deliver(end, f); });
    return take_in(end, way);
}

bool Bridge::take_in(End& end, Way way) {
    static thread_local std::array<std::byte, kFrameMax> buffer;
    for (int n = 0; n < kFramesAtOnce && end.held.empty(); ++n) {
        const ssize_t got = read(end.in, buffer.data(), buffer.size());
        // EIO: the TAP device is down. The others: a board has gone, another may come.
        const bool nothing = got == 0 || errno == EAGAIN || errno == EINTR || errno == EIO ||
                             errno == ECONNRESET || errno == ECONNREFUSED;
        if (got <= 0 && nothing) break;
        if (got < 0) return failed(way == Way::to_board ? "the TAP device" : "the board's side");
        const TimeNs at = now();
        const std::span<const std::byte> frame{buffer.data(), static_cast<std::size_t>(got)};
        const host::Fate fate = end.lane.enter(
            frame, at, [this, &end](std::span<const std::byte> f) { deliver(end, f); });
        capture_.frame(at, way == Way::to_board, frame, fate);
        end.lane.counters.own_ns += static_cast<std::uint64_t>(now() - at);
    }
    return true;
}

void Bridge::deliver(End& end, std::span<const std::byte> frame) {
    if (!end.held.empty()) {
        end.held.emplace_back(frame.begin(), frame.end());
        return;
    }
    if (write(end.out, frame.data(), frame.size()) >= 0) {
        end.deaf = false;
        ++end.lane.counters.delivered;
    } else if ((errno == EAGAIN || errno == ENOBUFS) && !end.deaf) {
        end.held.emplace_back(frame.begin(), frame.end());
        end.stuck_since = now();
    } else {
        ++end.lane.counters.refused;
    }
}

void Bridge::flush_held(End& end) {
    while (!end.held.empty()) {
        if (write(end.out, end.held.front().data(), end.held.front().size()) < 0) {
            if ((errno == EAGAIN || errno == ENOBUFS) && now() - end.stuck_since < kPatience)
                return;
            // Nobody is there: what waits is lost, as on a cable without an end.
            end.deaf = true;
            end.lane.counters.refused += end.held.size();
            return end.held.clear();
        }
        ++end.lane.counters.delivered;
        end.held.pop_front();
        end.stuck_since = now();
    }
}

}  // namespace kyu::wire
