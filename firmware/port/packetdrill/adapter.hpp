// Adapter: packetdrill's table of calls on a Board.
//
// Context   any host thread: each call takes `mutex_`, and the board stands still between calls.
//           packetdrill has a main thread and one for calls that block; one of them moves the time
//           (sleep, next_packet) while the other sleeps.
// Time      A call that blocks tries, waits on `changed_`, and tries again whenever the other
//           thread has taken the board to its next event. That one goes on only when the others
//           sleep: so a call returns at the very instant of the event that it waited for.
// Rules     Settings come as lines of a file that grows (flag control=), read before each call,
//           since scripts change them while they run; connections are told in another (flag
//           states=).
#pragma once

#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "port/packetdrill/abi.hpp"
#include "port/packetdrill/board.hpp"
#include "port/packetdrill/settings.hpp"
#include "port/packetdrill/sockets.hpp"

namespace kyu::packetdrill {

/// What --so_flags says: NAME=VALUE between blanks. system=freebsd|linux, seed=N, mtu=BYTES,
/// control=FILE, states=FILE.
struct Flags {
    System system{System::freebsd};
    std::uint64_t seed{1};
    std::uint16_t mtu{1500};
    std::string control{};
    std::string states{};
};
/// Stops the process with a line when it is none of these.
[[nodiscard]] Flags parse_flags(std::string_view text);

class Adapter {
public:
    using Lock = std::unique_lock<std::mutex>;
    using Try = std::function<Outcome(net::NetGuard&)>;

    explicit Adapter(const Flags& flags);

    [[nodiscard]] Lock lock();
    [[nodiscard]] Sockets& sockets() { return sockets_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] Instant now() const { return board_.now(); }

    /// One try; sets errno.
    long once(const Try& attempt);
    /// Tries until it need not wait any more, or `deadline` passes (EAGAIN).
    long until_done(Lock& held, Instant deadline, const Try& attempt);
    /// A packet for the stack.
    void inject(Lock& held, std::span<const std::byte> packet);
    /// The stack's next packet, whenever it comes; empty: it will say nothing more for a long time.
    Sent next_packet(Lock& held);
    void sleep(Lock& held, Duration duration);
    /// Tells the time; who asks again and again waits for it to pass.
    [[nodiscard]] Instant ask_time();

private:
    Flags flags_;
    Settings settings_;
    Board board_;
    Sockets sockets_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int main_thread_;
    std::vector<int> threads_;
    unsigned waiting_{0};
    unsigned asked_{0};  // ask_time() since anything else happened
    long control_read_{0};
    std::string states_told_;

    [[nodiscard]] bool on_main() const;
    void know_thread();
    void read_control();
    void obey(std::string_view line);
    void tidy();
    void tell();
    Outcome attempt_once(const Try& attempt);
    /// To the next event of the board, at most to `limit`.
    void step(Lock& held, Instant limit);
    void let_others_run(Lock& held);
};

}  // namespace kyu::packetdrill
