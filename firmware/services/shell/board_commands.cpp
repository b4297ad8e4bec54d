// pools, irqs, up, hb, reboot: the board as a whole.
//
// Context   the shell's thread.
#include "kernel/kernel.hpp"
#include "services/shell/command.hpp"

namespace kyu {
namespace {

void pools(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    parts.console.print(self, "{:<14}{:>8}{:>8}{:>8}{:>9}\n", "pool", "used", "total", "high",
                        "refused");
    for (const PoolEntry& pool : self.kernel().pools()) {
        parts.console.print(self, "{:<14}{:>8}{:>8}{:>8}{:>9}\n", pool.name, pool.stats->used,
                            pool.stats->total, pool.stats->high, pool.stats->failed);
    }
}

void irqs(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    parts.console.print(self, "{:>4} {:<18}{:>12}\n", "id", "interrupt", "count");
    for (unsigned id = 0; id < parts.board.irq_ids(); ++id) {
        const std::uint32_t count = parts.board.irq_count(id);
        if (count == 0) continue;
        parts.console.print(self, "{:>4} {:<18}{:>12}\n", id, parts.board.irq_name(id), count);
    }
}

void uptime(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    const KernelCounters now = self.kernel().counters(self);
    parts.console.print(self, "up {}.{:03} s, {} threads, {} interrupts, {} switches\n",
                        now.at.ms() / 1000, now.at.ms() % 1000, self.kernel().thread_count(),
                        now.irqs, now.switches);
}

void heartbeat(ThreadContext& self, ShellParts& parts, Words words) {
    if (words.size() == 1 && (words[0] == "on" || words[0] == "off")) {
        return parts.heartbeat.enable(words[0] == "on");
    }
    parts.console.print(self, "hb on|off: it is {}\n", parts.heartbeat.enabled() ? "on" : "off");
}

void reboot(ThreadContext& self, ShellParts& parts, Words /*words*/) {
    parts.console.print(self, "restarting\n");
    self.sleep_for(Duration::from_ms(50));  // let the line out
    parts.board.restart();
    parts.console.print(self, "this board has no way to restart itself\n");
}

}  // namespace

std::span<const ShellCommand> board_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"pools", "p", "", "pools: used, most ever used, refusals", pools},
        ShellCommand{"irqs", "q", "", "interrupts by number", irqs},
        ShellCommand{"up", "s", "", "time since boot, interrupts, switches", uptime},
        ShellCommand{"hb", "hb", "on|off", "a heartbeat line every second", heartbeat},
        ShellCommand{"reboot", "R", "", "restart the board", reboot},
    };
    return kCommands;
}

}  // namespace kyu
