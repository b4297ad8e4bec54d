// l, u, v, block, unblock, top: threads.
//
// Context   the shell's thread. What is shown of a thread is copied at one moment with interrupts
//           off, and printed afterwards.
#include <algorithm>

#include "kernel/kernel.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

void threads(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    parts.console.print(self, "{:>3} {:<14}{:>4} {:<9}{:>12} {:>9} {:>12}  {}\n", "id", "name",
                        "prio", "state", "cpu ms", "switches", "stack used", "waits for");
    ThreadInfo info;
    for (std::size_t i = 0; self.kernel().thread_info(self, i, info); ++i) {
        parts.console.print(self, "{:>3} {:<14}{:>4} {:<9}{:>12} {:>9} {:>6}/{:>5}  {} {}\n",
                            info.id, info.name, info.priority, to_text(info.state), info.cpu.ms(),
                            info.switches, info.stack_used, info.stack_bytes, info.waits_kind,
                            info.waits_name);
    }
}

void no_such_thread(ThreadContext& self, ShellParts& parts, std::string_view name) {
    parts.console.print(self, "{}: no such thread; l lists them\n", name);
}

void detail(ThreadContext& self, ShellParts& parts, Words words) {
    if (words.size() != 1) {
        return parts.console.print(self, "u NAME|ID: one thread; l lists them\n");
    }
    ThreadDetail thread;
    if (!inspect_thread(self, words[0], thread)) return no_such_thread(self, parts, words[0]);
    ConsoleSink out{parts.console, self};
    const ThreadInfo& info = thread.info;
    print(out, "{} (id {}): {}, priority {}", info.name, info.id, to_text(info.state),
          info.priority);
    if (info.priority != thread.base_priority)
        print(out, " inherited, {} own", thread.base_priority);
    print(out, "\n  waits for {} {}\n", info.waits_kind[0] == '\0' ? "nothing" : info.waits_kind,
          info.waits_name);
    print(out, "  stack {:08x}-{:08x}, sp {:08x}, {} of {} bytes used at most\n", thread.stack_low,
          thread.stack_low + info.stack_bytes, thread.sp, info.stack_used, info.stack_bytes);
    print(out, "  cpu {} us of {} us, {} turns\n", info.cpu.us(), thread.at.us(), info.switches);
    for (std::size_t i = 0; i < thread.held_count; ++i) {
        print(out, "  holds mutex {}\n", thread.held[i]);
    }
    print_frames(out, std::span(thread.frames).first(thread.frame_count));
    if (thread.frame_count == 0) print(out, "  it has not run yet\n");
}

/// The thread that a command may act on: somebody else's.
Thread* another_thread(ThreadContext& self, ShellParts& parts, Words words,
                       std::string_view usage) {
    if (words.size() != 1) {
        parts.console.print(self, "{}\n", usage);
        return nullptr;
    }
    Thread* thread = find_thread(self, words[0]);
    if (thread == nullptr) {
        no_such_thread(self, parts, words[0]);
    } else if (thread == &self.thread()) {
        parts.console.print(self, "{} is this shell: it stays\n", words[0]);
        return nullptr;
    }
    return thread;
}

void report_block(ThreadContext& self, ShellParts& parts, Thread& thread) {
    switch (thread.block(self)) {
        case BlockResult::blocked:
            return parts.console.print(self, "{}: blocked; unblock {} lets it go on\n",
                                       thread.name(), thread.name());
        case BlockResult::later:
            return parts.console.print(
                self, "{}: uses a mutex now, and blocks as it gives the last one back\n",
                thread.name());
        case BlockResult::refused:
            return parts.console.print(self, "{}: cannot be blocked\n", thread.name());
    }
}

void kill(ThreadContext& self, ShellParts& parts, Words words) {
    Thread* thread = another_thread(self, parts, words, "v NAME|ID: kill a thread");
    if (thread == nullptr) return;
    switch (thread->kill(self)) {
        case KillResult::asked:
            return parts.console.print(self, "{}: {}\n", words[0],
                                       thread->join(self, self.now() + Duration::from_s(1))
                                           ? "ended"
                                           : "asked to end, and has not done so yet");
        case KillResult::ended: return parts.console.print(self, "{}: has ended\n", words[0]);
        case KillResult::deaf: break;
    }
    parts.console.print(self, "{} does not listen to kill: what it owns would be lost with it\n",
                        thread->name());
    report_block(self, parts, *thread);
}

void block(ThreadContext& self, ShellParts& parts, Words words) {
    Thread* thread =
        another_thread(self, parts, words, "block NAME|ID: take the processor from it");
    if (thread != nullptr) report_block(self, parts, *thread);
}

void unblock(ThreadContext& self, ShellParts& parts, Words words) {
    Thread* thread = another_thread(self, parts, words, "unblock NAME|ID: let it go on");
    if (thread == nullptr) return;
    const bool was_blocked = thread->unblock(self);
    parts.console.print(self, "{}: {}\n", words[0], was_blocked ? "goes on" : "was not blocked");
}

/// Waits for `seconds`, or until somebody types ctrl-C.
void wait_or_interrupt(ThreadContext& self, ShellParts& parts, std::uint32_t seconds) {
    const Instant end = self.now() + Duration::from_s(seconds);
    while (self.now() < end && !parts.console.take_interrupt(self)) {
        self.sleep_until(std::min(end, self.now() + Duration::from_ms(100)));
    }
}

/// Turns `after` into what each thread used since `before`, the greatest share first.
std::span<ThreadSample> used_between(std::span<const ThreadSample> before,
                                     std::span<ThreadSample> after) {
    for (ThreadSample& thread : after) {
        const auto same = std::find_if(before.begin(), before.end(), [&](const ThreadSample& each) {
            return each.id == thread.id;
        });
        if (same != before.end()) thread.cpu = thread.cpu - same->cpu;
    }
    std::sort(after.begin(), after.end(),
              [](const ThreadSample& a, const ThreadSample& b) { return a.cpu > b.cpu; });
    return after;
}

void print_permille(TextSink& out, std::string_view name, std::int64_t permille) {
    print(out, "{:<16}{:>4}.{} %\n", name, permille / 10, permille % 10);
}

void top(ThreadContext& self, ShellParts& parts, Words words) {
    constexpr std::uint32_t kSecondsMax = 60;
    const auto seconds = words.empty() ? std::optional<std::uint32_t>{1} : parse_u32(words[0]);
    if (words.size() > 1 || !seconds || *seconds == 0 || *seconds > kSecondsMax) {
        return parts.console.print(self, "top [SECONDS]: 1 to {}; 1 when not given\n", kSecondsMax);
    }
    const KernelCounters start = self.kernel().counters(self);
    const std::size_t had = sample_threads(self, parts.before);
    wait_or_interrupt(self, parts, *seconds);
    const KernelCounters end = self.kernel().counters(self);
    const std::size_t have = sample_threads(self, parts.after);
    const std::int64_t us = std::max<std::int64_t>((end.at - start.at).us(), 1);
    const auto rate = [us](std::uint32_t n) {
        return std::uint64_t{n} * 1'000'000 / static_cast<std::uint64_t>(us);
    };
    ConsoleSink out{parts.console, self};
    print(out, "{} ms: idle {} %, {} interrupts/s, {} switches/s\n", us / 1000,
          (end.idle - start.idle).us() * 100 / us, rate(end.irqs - start.irqs),
          rate(end.switches - start.switches));
    unsigned quiet = 0;
    for (const ThreadSample& thread :
         used_between(std::span(parts.before).first(had), std::span(parts.after).first(have))) {
        const std::int64_t permille = thread.cpu.us() * 1000 / us;
        if (permille == 0) {
            ++quiet;
        } else {
            print_permille(out, thread.name, permille);
        }
    }
    print(out, "{} threads used less than 0.1 %\n", quiet);
}

}  // namespace

std::span<const ShellCommand> thread_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"threads", "l", "", "threads: state, what they wait for, stack, time",
                     threads},
        ShellCommand{"thread", "u", "NAME|ID", "one thread in detail, with its traceback", detail},
        ShellCommand{"kill", "v", "NAME|ID", "end a thread, or block it if it does not listen",
                     kill},
        ShellCommand{"block", "", "NAME|ID", "take the processor from a thread", block},
        ShellCommand{"unblock", "", "NAME|ID", "let it go on", unblock},
        ShellCommand{"top", "", "[SECONDS]", "who uses the processor, interrupts, switches", top},
    };
    return kCommands;
}

}  // namespace kyu
