// cost: what the kernel's own steps take.
//
// Context   the shell's thread; the threads that are measured run below it.
// Source    `@kyu cost what=NAME runs=N ns=N` a line: nanoseconds of all runs. Where the emulator
//           counts 16 ns for each instruction (-icount shift=4, kyu bench kernel), a sixteenth of
//           it is guest instructions.
#include "kernel/frame_line.hpp"
#include "kernel/mutex.hpp"
#include "kernel/semaphore.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

constexpr unsigned kRuns = 10'000;

void tell(ThreadContext& self, ShellParts& parts, std::string_view what, Duration spent) {
    ConsoleSink out{parts.console, self};
    FrameLine{out, "cost"}
        .word("what", what)
        .number("runs", kRuns)
        .number("ns", static_cast<std::uint64_t>(spent.us()) * 1000);
}

/// From the first step of the first of two threads to the last step of the last.
struct Stretch {
    Instant begin{Instant::never()};
    Instant end{};
    void step(ThreadContext& self) {
        const Instant now = self.now();
        begin = now < begin ? now : begin;
        end = now > end ? now : end;
    }
    [[nodiscard]] Duration length() const { return end - begin; }
};

/// Two equals that give way to each other: kRuns switches in all.
Duration switches(ThreadContext& self, selftest::Run& run) {
    Stretch stretch;
    auto body = [&](ThreadContext& me) {
        stretch.step(me);
        for (unsigned n = 0; n < kRuns / 2; ++n) me.yield();
        stretch.step(me);
    };
    selftest::Threads threads{self, run};
    threads.start("k-one", selftest::kLow, body);
    threads.start("k-two", selftest::kLow, body);
    threads.join();
    return stretch.length();
}

/// A ball between two semaphores: kRuns times one thread signals and waits, and the other goes on.
Duration hand_overs(ThreadContext& self, selftest::Run& run) {
    Semaphore ping{"k-ping", 0};
    Semaphore pong{"k-pong", 0};
    Stretch stretch;
    auto play = [&](ThreadContext& me, Semaphore& wait_for, Semaphore& give) {
        stretch.step(me);
        for (unsigned n = 0; n < kRuns / 2; ++n) {
            give.signal(me);
            if (!wait_for.wait(me, me.now() + selftest::kPatience)) return;
        }
        stretch.step(me);
    };
    auto one = [&](ThreadContext& me) { play(me, ping, pong); };
    auto two = [&](ThreadContext& me) { play(me, pong, ping); };
    selftest::Threads threads{self, run};
    threads.start("k-one", selftest::kLow, one);
    threads.start("k-two", selftest::kLow, two);
    threads.join();
    return stretch.length();
}

/// Taken and given up, with nobody else about.
Duration locks(ThreadContext& self) {
    Mutex mutex{"k-cost"};
    const Instant begin = self.now();
    for (unsigned n = 0; n < kRuns; ++n) MutexGuard guard{mutex, self};
    return self.now() - begin;
}

/// Into a ring of its own: what the stack's has kept is worth more.
Duration frames(ThreadContext& self, ShellParts& parts) {
    net::NetGuard guard{parts.net, self};
    const net::Mbuf frame = guard->pool.allocate_cluster();
    if (!frame) return {};
    const Instant begin = self.now();
    for (unsigned n = 0; n < kRuns; ++n) parts.frames.record(frame, begin, net::FrameWay::in);
    return self.now() - begin;
}

}  // namespace

void cost(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    selftest::Run run{parts.console, parts.board, parts.bench, parts.net, parts.services};
    if (parts.bench.broken()) {
        return parts.console.print(self, "a test left a thread behind: R restarts the board\n");
    }
    tell(self, parts, "switch", switches(self, run));
    tell(self, parts, "hand-over", hand_overs(self, run));
    tell(self, parts, "lock", locks(self));
    tell(self, parts, "frame", frames(self, parts));
    if (run.result() != selftest::Result::ok) parts.console.print(self, "{}\n", run.why());
}

}  // namespace kyu
