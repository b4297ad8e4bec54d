// k, i, n and t: the menus of self tests.
//
// Context   the shell's thread; so do the tests.
// Source    each test ends with one line for people and one for programs: `@kyu test name=…
//           result=ok|failed|skipped ms=…` (docs/console.md).
#include "kernel/frame_line.hpp"
#include "net/counters.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

using selftest::Test;

/// The rows of a menu, of two tables.
struct Menu {
    std::string_view letter;
    std::span<const Test> first;
    std::span<const Test> second;
    [[nodiscard]] std::size_t size() const { return first.size() + second.size(); }
    /// Numbers begin at 1.
    [[nodiscard]] const Test& at(std::size_t number) const {
        const std::size_t index = number - 1;
        return index < first.size() ? first[index] : second[index - first.size()];
    }
};

struct Tally {
    unsigned ok{0};
    unsigned failed{0};
    unsigned skipped{0};
    void add(selftest::Result result) {
        ++(result == selftest::Result::ok       ? ok
           : result == selftest::Result::failed ? failed
                                                : skipped);
    }
};

/// The counters that move during a test of the menu n: shown at debug level 1 (drops) and 2 (all).
class CounterWatch {
    static constexpr std::size_t kCounters = net::kDropReasons + net::kStackCounters.size();
    std::array<std::uint64_t, kCounters> before_{};

    template <typename F>
    static void visit(const net::LockedNet& net, F&& f) {
        std::size_t index = 0;
        const auto number = [&](std::string_view name, std::uint64_t value) {
            f(index++, name, value);
        };
        net::for_each_drop(net, number);
        net::for_each_stack_counter(net, number);
    }

public:
    void begin(ThreadContext& self, ShellParts& parts) {
        net::NetGuard guard(parts.net, self);
        visit(*guard, [this](std::size_t i, std::string_view, std::uint64_t v) { before_[i] = v; });
    }
    void end(ThreadContext& self, ShellParts& parts) {
        const unsigned level = parts.bench.net_debug;
        if (level == 0) return;
        parts.page.clear();
        {
            net::NetGuard guard(parts.net, self);
            visit(*guard, [&](std::size_t i, std::string_view name, std::uint64_t value) {
                if (value == before_[i] || (level < 2 && i >= net::kDropReasons)) return;
                print(parts.page, "  {} +{}\n", name, value - before_[i]);
            });
        }
        parts.console.write(self, parts.page.view());
    }
};

selftest::Result run_one(ThreadContext& self, ShellParts& parts, std::string_view letter,
                         const Test& test, bool confirmed) {
    selftest::Run run{parts.console, parts.board, parts.bench, parts.net, parts.services};
    CounterWatch watch;
    if (letter == "n") watch.begin(self, parts);
    const Instant start = self.now();
    if (test.asks && !confirmed) {
        run.skip("stops the board: add yes to run it");
    } else if (parts.bench.broken()) {
        run.skip("an earlier test left a thread behind: R restarts the board");
    } else {
        test.run(self, run);
    }
    const std::int64_t ms = (self.now() - start).ms();
    ConsoleSink out{parts.console, self};
    if (run.result() == selftest::Result::failed) {
        print(out, "{} {}: FAILED {}\n", letter, test.name, run.why());
    } else {
        print(out, "{} {}: {}{}{}\n", letter, test.name, selftest::to_text(run.result()),
              run.why().empty() ? "" : ": ", run.why());
    }
    TextBuffer<FrameLine::kFieldMax> name;
    print(name, "{}-{}", letter, test.name);
    FrameLine frame{out, "test"};
    frame.word("name", name.view())
        .word("result", selftest::to_text(run.result()))
        .number("ms", static_cast<std::uint64_t>(ms));
    if (!run.why().empty()) frame.text("why", run.why());
    if (letter == "n") watch.end(self, parts);
    return run.result();
}

void list(ThreadContext& self, ShellParts& parts, const Menu& menu) {
    for (std::size_t number = 1; number <= menu.size(); ++number) {
        parts.console.print(self, "{:>3} {:<13}{}\n", number, menu.at(number).name,
                            menu.at(number).help);
    }
    parts.console.print(self, "{} N [R] runs test N, R times; {} 0 [R] runs them all\n",
                        menu.letter, menu.letter);
}

/// 1 to size(), 0 for all; nothing when there is no such test.
std::optional<std::size_t> find(const Menu& menu, std::string_view word) {
    const auto number = parse_u32(word);
    if (number && *number <= menu.size()) return *number;
    for (std::size_t i = 1; i <= menu.size(); ++i) {
        if (menu.at(i).name == word) return i;
    }
    return std::nullopt;
}

void run_menu(ThreadContext& self, ShellParts& parts, Words words, const Menu& menu) {
    constexpr std::uint32_t kRoundsMax = 1'000'000;
    if (words.empty()) return list(self, parts, menu);
    const auto chosen = find(menu, words[0]);
    if (!chosen) {
        return parts.console.print(self, "{}: no such test; {} lists them\n", words[0],
                                   menu.letter);
    }
    const bool confirmed = *chosen != 0 && words.size() == 2 && words[1] == "yes";
    const auto rounds =
        words.size() < 2 || confirmed ? std::optional<std::uint32_t>{1} : parse_u32(words[1]);
    if (words.size() > 2 || !rounds || *rounds == 0 || *rounds > kRoundsMax) {
        return parts.console.print(self, "{} N [R]: R rounds, 1 to {}\n", menu.letter, kRoundsMax);
    }
    Tally tally;
    for (std::uint32_t round = 0; round < *rounds; ++round) {
        const std::size_t from = *chosen == 0 ? 1 : *chosen;
        const std::size_t to = *chosen == 0 ? menu.size() : *chosen;
        for (std::size_t number = from; number <= to; ++number) {
            tally.add(run_one(self, parts, menu.letter, menu.at(number), confirmed));
            if (parts.console.take_interrupt(self)) {
                parts.console.print(self, "interrupted\n");
                round = *rounds - 1;
                break;
            }
        }
    }
    parts.console.print(self, "{} tests: {} ok, {} failed, {} skipped\n",
                        tally.ok + tally.failed + tally.skipped, tally.ok, tally.failed,
                        tally.skipped);
}

void kernel_menu(ThreadContext& self, ShellParts& parts, Words words) {
    run_menu(self, parts, words, {"k", selftest::kernel_tests(), {}});
}

void io_menu(ThreadContext& self, ShellParts& parts, Words words) {
    run_menu(self, parts, words, {"i", selftest::portable_tests(), parts.board_tests});
}

void network_menu(ThreadContext& self, ShellParts& parts, Words words) {
    run_menu(self, parts, words, {"n", selftest::network_tests(), {}});
}

void tcp_menu(ThreadContext& self, ShellParts& parts, Words words) {
    run_menu(self, parts, words, {"t", selftest::tcp_tests(), {}});
}

}  // namespace

std::span<const ShellCommand> test_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"kernel", "k", "[N|NAME [R]]", "kernel tests: list, run one, run all (0)",
                     kernel_menu},
        ShellCommand{"cost", "cost", "", "what a switch, a hand-over and a lock take", cost},
        ShellCommand{"io", "i", "[N|NAME [R]]", "I/O tests: the same", io_menu},
        ShellCommand{"network", "n", "[N|NAME [R]]", "network tests: the same", network_menu},
        ShellCommand{"tcptests", "t", "[N|NAME [R]]", "TCP tests: the same", tcp_menu},
    };
    return kCommands;
}

}  // namespace kyu
