// A transfer by the host's sockets: one function a stage.
#include "bindings/fetch.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "services/wangdoodle/pattern.hpp"

namespace kyu::client {

namespace {

using namespace kyu::wangdoodle;

// Room for all of `big`, so that the kernel may gather it (MSG_WAITALL) and wake us once.
constexpr std::size_t kRoomBytes = std::size_t{1} << 18U;
constexpr std::size_t kShownBytes = 16;

using Room = std::array<std::byte, kRoomBytes>;

Room& room() {
    thread_local Room bytes;
    return bytes;
}

const std::array<std::byte, kBigBytes>& big() {
    static const std::array<std::byte, kBigBytes> pattern = [] {
        std::array<std::byte, kBigBytes> bytes{};
        fill_big(bytes);
        return bytes;
    }();
    return pattern;
}

// The bytes that must stand at `offset`. The stream of `gen` is made in the thread's second room.
std::span<const std::byte> expected(const Wish& wish, std::uint64_t offset, std::size_t length) {
    if (!wish.seed) return std::span{big()}.subspan(static_cast<std::size_t>(offset), length);
    thread_local Room made;
    const std::span<std::byte> into = std::span{made}.first(length);
    GenStream{*wish.seed}.fill(offset, into);
    return into;
}

// A timeout of the socket, or a signal that the caller may want to see.
bool no_news(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

timeval as_timeval(double seconds) {
    const auto whole = static_cast<time_t>(seconds);
    return {whole, static_cast<suseconds_t>((seconds - static_cast<double>(whole)) * 1e6)};
}

std::chrono::microseconds as_duration(double seconds) {
    return std::chrono::microseconds{static_cast<std::int64_t>(seconds * 1e6)};
}

}  // namespace

Step Fetch::over(Step how, int error) {
    stage_ = Stage::kOver;
    error_ = error;
    return how;
}

Step Fetch::go(std::uint64_t most) {
    const std::uint64_t until = received_ + std::max<std::uint64_t>(most, 1);
    looks_up_ = Clock::now() + as_duration(wish_.quiet_s);
    while (true) {
        if (const std::optional<Step> news = advance(until)) return *news;
    }
}

std::optional<Step> Fetch::advance(std::uint64_t until) {
    switch (stage_) {
        case Stage::kFresh: return open();
        case Stage::kConnect: return connecting();
        case Stage::kAsk: return ask();
        case Stage::kStream: return stream(until);
        case Stage::kEnd: return end();
        case Stage::kOver: break;
    }
    return over(Step::kBroken, EBADF);
}

std::optional<Step> Fetch::open() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return over(Step::kUnreached, errno);
    const timeval quiet = as_timeval(wish_.quiet_s);
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof quiet);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &quiet, sizeof quiet);
    if (wish_.window > 0) {
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &wish_.window, sizeof wish_.window);
    }
    const auto* board = reinterpret_cast<const sockaddr*>(&wish_.board);
    return connected(::connect(socket_, board, sizeof wish_.board) == 0 ? 0 : errno);
}

std::optional<Step> Fetch::connecting() {
    pollfd door{.fd = socket_, .events = POLLOUT, .revents = 0};
    if (::poll(&door, 1, static_cast<int>(wish_.quiet_s * 1e3)) <= 0) return Step::kConnecting;
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length);
    return connected(error);
}

// connect() itself waits as long as a send would, and is then in progress; so it is after a signal.
std::optional<Step> Fetch::connected(int error) {
    if (error == EINPROGRESS || error == EINTR) {
        stage_ = Stage::kConnect;
        return Step::kConnecting;
    }
    if (error != 0) return over(Step::kUnreached, error);
    const bool leaves_at_once = wish_.size == 0 && !wish_.until_close;
    if (leaves_at_once) return over(Step::kDone);
    stage_ = Stage::kAsk;
    return std::nullopt;
}

std::optional<Step> Fetch::ask() {
    const std::string_view left = std::string_view{wish_.command}.substr(asked_);
    const ssize_t sent = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && no_news(errno)) return Step::kWaiting;
    if (sent < 0) return over(Step::kBroken, errno);
    asked_ += static_cast<std::size_t>(sent);
    if (asked_ < wish_.command.size()) return std::nullopt;
    if (wish_.half_close && ::shutdown(socket_, SHUT_WR) != 0) return over(Step::kBroken, errno);
    stage_ = Stage::kStream;
    return std::nullopt;
}

std::optional<Step> Fetch::stream(std::uint64_t until) {
    if (received_ == wish_.size) {
        stage_ = Stage::kEnd;
        return std::nullopt;
    }
    if (received_ >= until) return Step::kPaused;
    const std::uint64_t left = std::min(wish_.size, until) - received_;
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, kRoomBytes));
    const ssize_t count = ::recv(socket_, room().data(), wanted, MSG_WAITALL);
    if (count < 0 && no_news(errno)) return Step::kWaiting;
    if (count < 0) return over(Step::kBroken, errno);
    if (count == 0) return over(Step::kEarly);
    const auto came = static_cast<std::size_t>(count);
    if (const std::optional<Step> wrong = compare(std::span{room()}.first(came))) return wrong;
    if (received_ == wish_.size) return std::nullopt;
    // The socket's timeout ends a recv(), but of a trickle there is one after the other; and of a
    // stream that is long and fast none ends so. A clock is asked only where more is to come.
    const bool trickles = came < wanted;
    if (trickles || Clock::now() >= looks_up_) return Step::kWaiting;
    return std::nullopt;
}

std::optional<Step> Fetch::compare(std::span<const std::byte> came) {
    const std::span<const std::byte> right = expected(wish_, received_, came.size());
    const std::uint64_t offset = received_;
    received_ += came.size();
    if (std::memcmp(came.data(), right.data(), came.size()) == 0) return std::nullopt;
    const auto wrong = std::mismatch(came.begin(), came.end(), right.begin()).first - came.begin();
    at_ = offset + static_cast<std::uint64_t>(wrong);
    show(came.subspan(static_cast<std::size_t>(wrong)));
    return over(Step::kWrong);
}

std::optional<Step> Fetch::end() {
    if (!wish_.until_close) return over(Step::kDone);
    const ssize_t count = ::recv(socket_, room().data(), kShownBytes, 0);
    if (count < 0 && no_news(errno)) return Step::kClosing;
    if (count < 0) return over(Step::kBroken, errno);
    if (count == 0) return over(Step::kDone);
    show(std::span{room()}.first(static_cast<std::size_t>(count)));
    return over(Step::kExtra);
}

void Fetch::show(std::span<const std::byte> came) {
    const auto shown = came.first(std::min(came.size(), kShownBytes));
    found_.assign(reinterpret_cast<const char*>(shown.data()), shown.size());
}

std::uint16_t Fetch::port() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    if (socket_ < 0 || getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &size) < 0) return 0;
    return ntohs(own.sin_port);
}

void Fetch::close(bool reset) {
    if (socket_ < 0) return;
    if (reset) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    ::close(socket_);
    socket_ = -1;
    stage_ = Stage::kOver;
}

}  // namespace kyu::client
