#include "kernel/inspect.hpp"

#include <charconv>
#include <limits>

#include "kernel/kernel.hpp"

namespace kyu {
namespace {

constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

struct Place {
    Thread* thread{nullptr};
    std::size_t index{kNowhere};
};

/// A name first: a thread may be called "7".
Place find(IrqsOff& off, std::string_view name_or_id) {
    unsigned id = 0;
    const char* end = name_or_id.data() + name_or_id.size();
    const auto [stop, error] = std::from_chars(name_or_id.data(), end, id);
    const bool is_number = error == std::errc{} && stop == end;
    Place by_id;
    std::size_t index = 0;
    for (Thread& each : off.kernel().threads()) {
        if (name_or_id == each.name()) return {&each, index};
        if (is_number && each.id() == id) by_id = {&each, index};
        ++index;
    }
    return by_id;
}

}  // namespace

std::size_t sample_threads(ThreadContext& self, std::span<ThreadSample, kThreadsMax> into) {
    IrqsOff off{self};
    std::size_t n = 0;
    for (Thread& each : self.kernel().threads()) {
        if (n == into.size()) break;
        into[n++] = {each.name(), each.id(), each.priority().level,
                     self.kernel().cpu_until_now(off, each)};
    }
    return n;
}

Thread* find_thread(ThreadContext& self, std::string_view name_or_id) {
    IrqsOff off{self};
    return find(off, name_or_id).thread;
}

bool inspect_thread(ThreadContext& self, std::string_view name_or_id, ThreadDetail& out) {
    IrqsOff off{self};
    const auto [thread, index] = find(off, name_or_id);
    if (thread == nullptr) return false;
    self.kernel().thread_info(self, index, out.info);
    out.at = self.now();
    out.is_caller = thread == &self.thread();
    out.base_priority = thread->base_priority().level;
    out.stack_low = reinterpret_cast<std::uintptr_t>(thread->stack().data());
    if (out.is_caller) {
        Registers here;
        port::capture_registers(here);
        out.sp = here.sp();
        out.frame_count = port::walk_stack(here, thread->stack(), out.frames);
    } else {
        out.sp = port::saved_stack_pointer(Kernel::context_of(*thread));
        out.frame_count =
            port::walk_context(Kernel::context_of(*thread), thread->stack(), out.frames);
    }
    out.held_count = 0;
    for (Mutex& mutex : Kernel::held_by(*thread)) {
        if (out.held_count < out.held.size()) out.held[out.held_count++] = mutex.name();
    }
    return true;
}

void print_frames(TextSink& sink, std::span<const std::uintptr_t> pcs) {
    for (const std::uintptr_t pc : pcs) {
        // A return address may be the first byte of the next function: ask for the one before.
        const Symbol symbol = port::lookup(pc - 1);
        if (symbol.name.empty()) {
            print(sink, "Called from ?+0 -- {:08x}\n", pc);
        } else {
            print(sink, "Called from {}+{:x} -- {:08x}\n", symbol.name, symbol.offset + 1, pc);
        }
    }
}

}  // namespace kyu
