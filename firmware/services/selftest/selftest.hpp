// Self tests: what the menus k, i, n and t of the shell run, on the real kernel, in the shell's
// thread.
//
// Context   the shell's thread, between two commands; its threads are of the test's own making.
// Ownership the Bench owns stacks and threads. A Threads object in a test's frame ends them all
//           before what they use dies.
// Rules     A test holds its board to what is always true: order, counts, "not before". It asks for
//           no upper bound of time but the kPatience after which it gives up and fails, so that a
//           busy board passes too. Every test ends by itself.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.hpp"
#include "kernel/console.hpp"
#include "kernel/thread.hpp"
#include "net/net.hpp"
#include "services/services_view.hpp"
#include "services/shell/shell_board.hpp"

namespace kyu::selftest {

inline constexpr Duration kPatience = Duration::from_s(5);

class Run;

struct Test {
    std::string_view name;
    std::string_view help;
    void (*run)(ThreadContext& self, Run& run);
    /// It stops the board: it runs only when somebody says yes to it, by its number or name.
    bool asks{false};
};

enum class Result : std::uint8_t { ok, failed, skipped };
[[nodiscard]] std::string_view to_text(Result result);

/// Stacks and threads that the tests borrow, one test at a time.
class Bench {
    friend class Threads;

public:
    static constexpr std::size_t kThreads = 4;
    static constexpr std::size_t kStackBytes = 8192;

private:
    std::array<ThreadStack<kStackBytes>, kThreads> stacks_;
    std::array<std::optional<Thread>, kThreads> threads_;
    bool broken_{false};

public:
    unsigned net_debug{0};  ///< how much the tests of the menu n say: 0, 1, 2
    /// A thread of an earlier test would not end: it is blocked for good, and its stack is gone.
    [[nodiscard]] bool broken() const { return broken_; }
    /// A stack that no Threads object has given out: the last.
    [[nodiscard]] std::span<std::byte> spare_stack() { return stacks_.back().span(); }
};

/// What one test says and how it went.
class Run {
    Console& console_;
    ShellBoard& board_;
    Bench& bench_;
    net::Net& net_;
    const ServicesView& services_;
    Result result_{Result::ok};
    TextBuffer<96> why_;

public:
    Run(Console& console, ShellBoard& board, Bench& bench, net::Net& net,
        const ServicesView& services)
        : console_(console), board_(board), bench_(bench), net_(net), services_(services) {}

    /// `what` is the promise; the first that does not hold is what the test reports.
    bool expect(bool holds, std::string_view what) {
        if (!holds) fail("{}", what);
        return holds;
    }
    template <typename... Args>
    void fail(std::string_view format, const Args&... args) {
        if (result_ == Result::failed) return;
        result_ = Result::failed;
        why_.clear();
        print(why_, format, args...);
    }
    /// It could not be tried on this board.
    void skip(std::string_view why) {
        if (result_ != Result::ok) return;
        result_ = Result::skipped;
        why_.put(why);
    }
    /// A register that reads as zero, or keeps nothing, is not there.
    void not_answered() { skip("not answered by this board"); }
    template <typename... Args>
    void say(ThreadContext& self, std::string_view format, const Args&... args) {
        console_.print(self, format, args...);
    }

    [[nodiscard]] ShellBoard& board() { return board_; }
    [[nodiscard]] Bench& bench() { return bench_; }
    [[nodiscard]] Console& console() { return console_; }
    [[nodiscard]] net::Net& net() { return net_; }
    [[nodiscard]] const ServicesView& services() const { return services_; }
    [[nodiscard]] Result result() const { return result_; }
    [[nodiscard]] std::string_view why() const { return why_.view(); }
};

/// The threads of one test. Declared after everything they use: it waits for them.
class Threads {
    ThreadContext& self_;
    Run& run_;
    std::size_t started_{0};

    Thread& start_at(const char* name, unsigned priority, Thread::Entry entry, void* argument);

public:
    Threads(ThreadContext& self, Run& run) : self_(self), run_(run) {}
    ~Threads() { join(); }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

    /// Starts a thread that runs `body(ThreadContext&)`; `body` outlives this object.
    template <typename Body>
    Thread& start(const char* name, unsigned priority, Body& body) {
        return start_at(
            name, priority, [](ThreadContext& self, void* it) { (*static_cast<Body*>(it))(self); },
            &body);
    }
    /// Waits for all of them; one that does not end in time is killed, and fails the test.
    void join();
};

/// Above the shell's threads, so that one runs at once; below it, so that several can be started
/// before the first runs.
inline constexpr unsigned kUrgent = 11;
inline constexpr unsigned kLow = 13;
inline constexpr unsigned kLower = 14;

[[nodiscard]] std::span<const Test> kernel_tests();
/// The menu t: every server by way of the stack's own loopback, clients, statistics.
[[nodiscard]] std::span<const Test> tcp_tests();
/// Those of the menu i that need no device.
[[nodiscard]] std::span<const Test> portable_tests();
/// The menu n.
[[nodiscard]] std::span<const Test> network_tests();

}  // namespace kyu::selftest
