#include "kernel/crash_record.hpp"

#include <algorithm>

#include "kernel/console.hpp"
#include "kernel/frame_line.hpp"
#include "kernel/kernel.hpp"
#include "kernel/last_crash.hpp"
#include "kernel/panic.hpp"
#include "kernel/pool_damage.hpp"
#include "kernel/port.hpp"

namespace kyu {
namespace {

/// Functions that stand between the culprit and the record in every traceback.
/// A mutex that panics was asked by somebody: that is who the traceback should begin with.
/// So was a pool that finds damage.
constexpr std::array<std::string_view, 25> kMachinery{"panic",
                                                      "panic_format",
                                                      "panic_fault",
                                                      "check_failed",
                                                      "Mutex::lock",
                                                      "Mutex::lock_from",
                                                      "Mutex::release",
                                                      "Mutex::unlock",
                                                      "Mutex::check_for_deadlock",
                                                      "MutexGuard::MutexGuard",
                                                      "LockOrder::check",
                                                      "LockOrder::report",
                                                      "Kernel::check_may_sleep",
                                                      "Kernel::block",
                                                      "WaitQueue::wait",
                                                      "Semaphore::wait",
                                                      "CondVar::wait",
                                                      "Thread::join",
                                                      "ThreadContext::sleep_until",
                                                      "ThreadContext::sleep_for",
                                                      "pool_damaged",
                                                      "PoolGuard::check",
                                                      "PoolGuard::take",
                                                      "PoolGuard::check_release",
                                                      "capture_registers"};

/// The function of the interrupt vector (arch/armv7a/vectors.S).
constexpr std::string_view kInterruptEntry{"irq_vector"};

/// A return address points behind the call, which may be the last instruction of its function: ask
/// for the byte before it. The address of a fault is exact.
Symbol symbol_of(std::uintptr_t pc, bool exact) {
    if (exact || pc == 0) return port::lookup(pc);
    Symbol symbol = port::lookup(pc - 1);
    ++symbol.offset;
    return symbol;
}

/// Frame `n` is where an interrupt struck, not the way back from a call.
bool was_interrupted(std::span<const std::uintptr_t> pcs, std::size_t n) {
    return n > 0 && symbol_of(pcs[n - 1], false).name == kInterruptEntry;
}

class Report {
    Kernel& kernel_;
    CrashState& crash_;
    CrashSink sink_;
    unsigned lines_{0};
    std::span<const std::uintptr_t> frames_;
    // Idle workers stand in a row in the same place: their frames are printed once.
    std::span<const std::uintptr_t> shown_;
    unsigned shown_id_{0};

    FrameLine line(std::string_view kind) {
        ++lines_;
        return FrameLine{sink_, kind};
    }
    bool exact(std::size_t n) const { return n == 0 ? crash_.exact : was_interrupted(frames_, n); }

    [[nodiscard]] std::span<const std::byte> stack_at(std::uintptr_t sp);
    void find_frames();
    void skip_watchdog();
    void traceback();
    void begin();
    void registers();
    void threads();
    void thread(Thread& thread);
    std::span<const std::uintptr_t> walk(const Thread& thread);
    void frames(unsigned id, std::span<const std::uintptr_t> pcs, bool first_exact);
    void locks();
    void pools();
    void rings();
    void damage();
    void events();

public:
    explicit Report(Kernel& kernel) : kernel_(kernel), crash_(kernel.crash()) {}
    void write();
};

/// The thread's stack that `sp` lies in, or has outgrown. In the middle of a switch it is not the
/// current thread's. Empty: a boot or exception stack, which the port knows itself.
std::span<const std::byte> Report::stack_at(std::uintptr_t sp) {
    std::span<const std::byte> outgrown;
    for (Thread& thread : kernel_.threads()) {
        const auto low = reinterpret_cast<std::uintptr_t>(thread.stack().data());
        if (sp >= low && sp <= low + thread.stack().size()) return thread.stack();
        const bool near = sp < low && low - sp <= kStackReach;
        if (near && &thread == kernel_.current()) outgrown = thread.stack();
    }
    return outgrown;
}

void Report::find_frames() {
    const auto stack = stack_at(crash_.registers.sp());
    const std::size_t count = port::walk_stack(crash_.registers, stack, crash_.frames);
    frames_ = std::span<const std::uintptr_t>(crash_.frames).first(count);
    if (crash_.exact) return;
    if (crash_.kind == PanicKind::hang) return skip_watchdog();
    while (frames_.size() > 1) {
        const std::string_view name = symbol_of(frames_.front(), false).name;
        if (std::find(kMachinery.begin(), kMachinery.end(), name) == kMachinery.end()) break;
        frames_ = frames_.subspan(1);
    }
}

/// Told from an interrupt: what it interrupted is the story.
void Report::skip_watchdog() {
    for (std::size_t n = 0; n + 1 < frames_.size(); ++n) {
        if (symbol_of(frames_[n], false).name != kInterruptEntry) continue;
        frames_ = frames_.subspan(n + 1);
        crash_.exact = true;
        return;
    }
}

void Report::traceback() {
    if (crash_.is_fault) {
        sink_.put("FAULT: ");
        for (const char c : std::string_view{crash_.fault.type}) {
            const char shown = c == '-' ? ' ' : c;
            sink_.put({&shown, 1});
        }
        print(sink_, " at {:08x}, address {:08x}, status {:08x}\r\n", crash_.registers.pc(),
              crash_.fault.address, crash_.fault.status);
    }
    print(sink_, "Current thread is {}\r\n",
          kernel_.current() == nullptr ? "-" : kernel_.current()->name());
    print(sink_, " SP = {:08x},  FP = {:08x}\r\n", crash_.registers.sp(), crash_.registers.fp());
    for (std::size_t n = 0; n < frames_.size(); ++n) {
        const Symbol symbol = symbol_of(frames_[n], exact(n));
        if (symbol.name.empty()) {
            print(sink_, "Called from ?+0 -- {:08x}\r\n", frames_[n]);
        } else {
            print(sink_, "Called from {}+{:x} -- {:08x}\r\n", symbol.name, symbol.offset,
                  frames_[n]);
        }
    }
    sink_.put("PANIC: ");
    for (const char c : crash_.reason.view()) {
        const char shown = c >= 0x20 && c <= 0x7E ? c : '?';
        sink_.put({&shown, 1});
    }
    sink_.put("\r\n");
}

void Report::begin() {
    // A jump to nowhere has no name: then the caller is what a person wants to know.
    Symbol where;
    for (std::size_t n = 0; n < frames_.size() && where.name.empty(); ++n) {
        where = symbol_of(frames_[n], exact(n));
    }
    FrameLine out = line("crash-begin");
    out.number("v", 1)
        .word("build", port::build_id())
        .number("up_ms", static_cast<std::uint64_t>(port::now().ms()))
        .word("kind", to_text(crash_.kind))
        .text("reason", crash_.reason.view())
        .word("thread", kernel_.current() == nullptr ? "-" : kernel_.current()->name())
        .word("func", where.name.empty() ? "?" : where.name);
    if (kernel_.in_irq()) out.number("irq", 1);
}

void Report::registers() {
    {
        const Registers& r = crash_.registers;
        FrameLine out = line("crash-regs");
        out.hex("pc", r.pc()).hex("lr", r.lr()).hex("sp", r.sp()).hex("fp", r.fp());
        out.hex("cpsr", r.status);
        if (crash_.is_fault) {
            constexpr std::array kNames{"r0", "r1", "r2", "r3",  "r4",  "r5", "r6",
                                        "r7", "r8", "r9", "r10", "r11", "r12"};
            for (std::size_t i = 0; i < kNames.size(); ++i) out.hex(kNames[i], r.r[i]);
        }
    }
    if (!crash_.is_fault) return;
    line("crash-fault")
        .word("type", crash_.fault.type)
        .hex("addr", crash_.fault.address)
        .hex("status", crash_.fault.status);
}

void Report::frames(unsigned id, std::span<const std::uintptr_t> pcs, bool first_exact) {
    for (std::size_t n = 0; n < pcs.size(); ++n) {
        const bool exact = n == 0 ? first_exact : was_interrupted(pcs, n);
        const Symbol symbol = symbol_of(pcs[n], exact);
        FrameLine out = line("crash-frame");
        out.number("thread", id).number("n", n).hex("pc", pcs[n]);
        if (symbol.name.empty()) {
            out.text("sym", "?+0");
        } else {
            TextBuffer<160> text;
            print(text, "{}+{:x}", symbol.name, symbol.offset);
            out.text("sym", text.view());
        }
    }
}

std::span<const std::uintptr_t> Report::walk(const Thread& thread) {
    const std::size_t count =
        port::walk_context(Kernel::context_of(thread), thread.stack(), crash_.other_frames);
    return std::span<const std::uintptr_t>(crash_.other_frames).first(count);
}

void Report::thread(Thread& thread) {
    const WaitQueue* queue = thread.waits_in();
    TextBuffer<64> waits;
    if (queue != nullptr) {
        print(waits, "{}{}{}", queue->kind(), queue->name()[0] == '\0' ? "" : " ", queue->name());
    }
    const bool is_current = &thread == kernel_.current();
    const auto other = is_current ? std::span<const std::uintptr_t>{} : walk(thread);
    const bool folded = !other.empty() && std::ranges::equal(other, shown_);
    {
        const auto low = reinterpret_cast<std::uintptr_t>(thread.stack().data());
        FrameLine out = line("crash-thread");
        out.number("id", thread.id())
            .word("name", thread.name())
            .number("prio", thread.priority().level)
            .word("state", to_text(thread.state()))
            .text("waits", waits.view())
            .field("stack", "0x{:08x}-0x{:08x}", low, low + thread.stack().size())
            .number("used", thread.stack_used());
        if (folded) out.number("like", shown_id_);
    }
    if (is_current) return frames(thread.id(), frames_, crash_.exact);
    if (folded) return;
    shown_id_ = thread.id();
    std::ranges::copy(other, crash_.shown_frames.begin());
    shown_ = std::span<const std::uintptr_t>(crash_.shown_frames).first(other.size());
    frames(thread.id(), shown_, false);
}

void Report::threads() {
    for (Thread& each : kernel_.threads()) thread(each);
    // A panic before start() or on the way out of a thread has frames but no thread in the list.
    if (kernel_.current() == nullptr) frames(0, frames_, crash_.exact);
}

void Report::locks() {
    for (Thread& owner : kernel_.threads()) {
        for (Mutex& mutex : Kernel::held_by(owner)) {
            FrameLine out = line("crash-lock");
            out.word("name", mutex.name()).word("owner", owner.name());
            out.hex("taken", mutex.taken_at());
            const Symbol taker = symbol_of(mutex.taken_at(), false);
            if (!taker.name.empty()) out.field("at", "{}+{:x}", taker.name, taker.offset);
            TextBuffer<160> waiters;
            for (Thread& waiter : kernel_.threads()) {
                if (waiter.waits_in() != &mutex.waiters()) continue;
                print(waiters, "{}{}", waiters.view().empty() ? "" : " ", waiter.name());
            }
            out.text("waiters", waiters.view());
        }
    }
}

void Report::pools() {
    for (const PoolEntry& pool : kernel_.pools()) {
        line("crash-pool")
            .word("name", pool.name)
            .number("used", pool.stats->used)
            .number("total", pool.stats->total)
            .number("high", pool.stats->high)
            .number("failed", pool.stats->failed);
    }
}

void Report::rings() {
    for (const RingNote& ring : kernel_.rings()) {
        if (ring.name == nullptr) continue;
        line("crash-ring")
            .word("name", ring.name)
            .hex("at", reinterpret_cast<std::uintptr_t>(ring.at))
            .number("bytes", ring.bytes);
    }
}

/// Last of all: whoever damaged a pool may have damaged what leads to it.
void Report::damage() {
    unsigned shown = 0;
    kernel_.pools().find_damage([&](const PoolDamage& found) {
        TextBuffer<kCrashReasonMax> text;
        print_damage(text, found);
        line("crash-damage")
            .word("pool", found.pool)
            .number("object", found.index)
            .word("what", to_text(found.fault))
            .hex("addr", found.object + static_cast<std::uintptr_t>(found.offset))
            .text("text", text.view());
        return ++shown < kCrashDamageMax;
    });
}

void Report::events() {
    const auto& ring = kernel_.events();
    const std::size_t shown = std::min(ring.size(), kCrashEventsMax);
    for (std::size_t i = ring.size() - shown; i < ring.size(); ++i) {
        const TraceEvent& event = ring.oldest(i);
        line("crash-event")
            .number("us", static_cast<std::uint64_t>(event.at.us()))
            .word("what", event.what)
            .hex("a", event.a)
            .hex("b", event.b);
    }
}

void Report::write() {
    if (Console* console = kernel_.console(); console != nullptr) {
        PolledSink before;
        console->drain(before);
    }
    LastCrash{port::kept_memory()}.begin();
    sink_.put("\r\n");
    find_frames();
    traceback();
    begin();
    registers();
    threads();
    locks();
    pools();
    rings();
    events();
    damage();
    FrameLine{sink_, "crash-end"}.number("lines", lines_);
}

}  // namespace

void PolledSink::put(std::string_view text) { port::console_write_polled(text); }

void CrashSink::put(std::string_view text) {
    // Kept first: writing may take seconds, and a watchdog may not have them.
    LastCrash{port::kept_memory()}.append(text);
    port::console_write_polled(text);
}

void write_crash_record(Kernel& kernel) { Report{kernel}.write(); }

}  // namespace kyu
