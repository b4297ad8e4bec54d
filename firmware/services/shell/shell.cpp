#include "services/shell/shell.hpp"

#include "base/text.hpp"
#include "kernel/kernel.hpp"
#include "net/show.hpp"

namespace kyu {
namespace {

constexpr std::size_t kLineMax = 128;

}  // namespace

std::span<const Shell::Command> Shell::commands() {
    static constexpr std::array kCommands{
        Command{"help", "h", "", "this list", &Shell::help},
        Command{"threads", "l", "", "threads: state, what they wait for, stack, time",
                &Shell::threads},
        Command{"thread", "u", "NAME", "one thread in detail", &Shell::thread},
        Command{"pools", "p", "", "pools: used, most ever used, refusals", &Shell::pools},
        Command{"net", "n", "", "counters of the stack", &Shell::network},
        Command{"if", "i", "", "interface, address, link", &Shell::interfaces},
        Command{"arp", "a", "", "neighbours", &Shell::arp},
        Command{"tcp", "t", "", "TCP connections and counters", &Shell::tcp},
        Command{"up", "s", "", "time since boot, interrupts", &Shell::uptime},
        Command{"hb", "hb", "on|off", "a heartbeat line every second", &Shell::heartbeat},
        Command{"reboot", "R", "", "restart the board", &Shell::reboot},
    };
    return kCommands;
}

void Shell::run(ThreadContext& self) {
    std::array<char, kLineMax> line{};
    for (;;) {
        console_.write(self, kPrompt);
        const LineRead read = console_.read_line(self, line, Instant::never());
        if (read.outcome == LineRead::Outcome::line) execute(self, {line.data(), read.size});
    }
}

void Shell::execute(ThreadContext& self, std::string_view line) {
    std::array<std::string_view, kWordsMax> words{};
    std::size_t count = 0;
    while (count < kWordsMax) {
        const std::size_t start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos) break;
        line.remove_prefix(start);
        const std::size_t end = line.find_first_of(" \t");
        words[count++] = line.substr(0, end);
        if (end == std::string_view::npos) break;
        line.remove_prefix(end);
    }
    if (count == 0) return;
    for (const Command& command : commands()) {
        if (words[0] != command.name && words[0] != command.short_name) continue;
        return (this->*command.run)(self, std::span(words).subspan(1, count - 1));
    }
    console_.print(self, "{}: no such command; h lists them\n", words[0]);
}

void Shell::help(ThreadContext& self, Words /*words*/) {
    for (const Command& command : commands()) {
        console_.print(self, "{:<3} {:<9}{:<8} {}\n", command.short_name, command.name,
                       command.arguments, command.help);
    }
}

void Shell::threads(ThreadContext& self, Words /*words*/) {
    console_.print(self, "{:>3} {:<14}{:>4} {:<9}{:>12} {:>9} {:>12}  {}\n", "id", "name", "prio",
                   "state", "cpu ms", "switches", "stack used", "waits for");
    ThreadInfo info;
    for (std::size_t i = 0; self.kernel().thread_info(self, i, info); ++i) {
        console_.print(self, "{:>3} {:<14}{:>4} {:<9}{:>12} {:>9} {:>6}/{:>5}  {} {}\n", info.id,
                       info.name, info.priority, to_text(info.state), info.cpu.ms(), info.switches,
                       info.stack_used, info.stack_bytes, info.waits_kind, info.waits_name);
    }
}

void Shell::thread(ThreadContext& self, Words words) {
    if (words.size() != 1)
        return console_.print(self, "u NAME: the name of a thread; l lists them\n");
    ThreadInfo info;
    for (std::size_t i = 0; self.kernel().thread_info(self, i, info); ++i) {
        if (words[0] != info.name) continue;
        console_.print(self, "{} (id {}): {}, priority {}\n", info.name, info.id,
                       to_text(info.state), info.priority);
        console_.print(self, "  waits for {} {}\n", info.waits_kind, info.waits_name);
        console_.print(self, "  stack {} of {} bytes at most, cpu {} us, {} switches\n",
                       info.stack_used, info.stack_bytes, info.cpu.us(), info.switches);
        return;
    }
    console_.print(self, "{}: no such thread; l lists them\n", words[0]);
}

void Shell::pools(ThreadContext& self, Words /*words*/) {
    console_.print(self, "{:<14}{:>8}{:>8}{:>8}{:>9}\n", "pool", "used", "total", "high",
                   "refused");
    for (const PoolEntry& pool : self.kernel().pools()) {
        console_.print(self, "{:<14}{:>8}{:>8}{:>8}{:>9}\n", pool.name, pool.stats->used,
                       pool.stats->total, pool.stats->high, pool.stats->failed);
    }
}

void Shell::show_net(ThreadContext& self, void (*print_it)(TextSink&, net::LockedNet&)) {
    page_.clear();
    {
        net::NetGuard guard(net_, self);
        print_it(page_, *guard);
    }
    console_.print(self, "{}", page_.view());
    if (page_.cut() > 0) console_.print(self, "... {} more bytes\n", page_.cut());
}

void Shell::network(ThreadContext& self, Words /*words*/) { show_net(self, net::print_netstat); }
void Shell::interfaces(ThreadContext& self, Words /*words*/) {
    show_net(self, net::print_interfaces);
}
void Shell::arp(ThreadContext& self, Words /*words*/) { show_net(self, net::print_arp); }
void Shell::tcp(ThreadContext& self, Words /*words*/) { show_net(self, net::print_tcp); }

void Shell::uptime(ThreadContext& self, Words /*words*/) {
    const Instant now = self.now();
    console_.print(self, "up {}.{:03} s, {} threads, {} interrupts\n", now.ms() / 1000,
                   now.ms() % 1000, self.kernel().thread_count(), self.kernel().irq_count());
}

void Shell::heartbeat(ThreadContext& self, Words words) {
    if (words.size() == 1 && (words[0] == "on" || words[0] == "off")) {
        return heartbeat_.enable(words[0] == "on");
    }
    console_.print(self, "hb on|off: it is {}\n", heartbeat_.enabled() ? "on" : "off");
}

void Shell::reboot(ThreadContext& self, Words /*words*/) {
    console_.print(self, "restarting\n");
    self.sleep_for(Duration::from_ms(50));  // let the line out
    restart_();
    console_.print(self, "this board has no way to restart itself\n");
}

}  // namespace kyu
