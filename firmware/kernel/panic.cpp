#include "kernel/panic.hpp"

#include "kernel/crash_record.hpp"
#include "kernel/kernel.hpp"

namespace kyu {
namespace {

/// A panic inside a panic: both reasons, no walk through data that may be damaged.
[[noreturn]] void stop_nested(CrashState& crash, std::string_view format,
                              std::span<const TextArg> args) {
    if (crash.depth == 2) {
        CrashSink sink;
        sink.put("\r\nPANIC: ");
        format_to(sink, format, args);
        print(sink, "\r\nPANIC: while reporting: {}\r\n", crash.reason.view());
    }
    port::halt();
}

[[noreturn]] void stop_without_kernel(std::string_view format, std::span<const TextArg> args) {
    PolledSink sink;
    sink.put("\r\nPANIC: ");
    format_to(sink, format, args);
    sink.put("\r\n");
    port::halt();
}

/// How far below the stack of `thread` the address lies; 0: elsewhere.
std::uintptr_t bytes_below(const Thread* thread, std::uintptr_t address) {
    if (thread == nullptr) return 0;
    const auto low = reinterpret_cast<std::uintptr_t>(thread->stack().data());
    return address < low && low - address <= kStackReach ? low - address : 0;
}

void describe(CrashState& crash, const FaultRecord& fault, const Thread* thread) {
    const bool is_access = std::string_view{fault.type} == "data-abort";
    if (const auto below = is_access ? bytes_below(thread, fault.address) : 0; below > 0) {
        print(crash.reason, "stack overflow of thread {}: {} bytes below its stack; ",
              thread->name(), below);
    }
    const bool trapped = std::string_view{fault.type} == "trap";
    if (trapped) print(crash.reason, "division by zero, or what the compiler ruled out; ");
    print(crash.reason, "{} at {:08x}, address {:08x}, status {:08x}", fault.type,
          fault.registers.pc(), fault.address, fault.status);
}

}  // namespace

const char* to_text(PanicKind kind) {
    switch (kind) {
        case PanicKind::panic: return "panic";
        case PanicKind::fault: return "fault";
        case PanicKind::deadlock: return "deadlock";
        case PanicKind::check: return "check";
        case PanicKind::hang: return "hang";
    }
    return "panic";
}

void panic_format(PanicKind kind, const Registers* where, std::string_view format,
                  std::span<const TextArg> args) {
    static_cast<void>(port::irq_save());
    if (!port::have_kernel()) stop_without_kernel(format, args);
    Kernel& kernel = port::current_kernel();
    CrashState& crash = kernel.crash();
    if (++crash.depth > 1) stop_nested(crash, format, args);
    crash.kind = kind;
    format_to(crash.reason, format, args);
    crash.exact = where != nullptr;
    if (where != nullptr) {
        crash.registers = *where;
    } else {
        port::capture_registers(crash.registers);
    }
    write_crash_record(kernel);
    port::halt();
}

void panic(const char* reason) { panic(PanicKind::panic, "{}", reason); }

void panic_fault(const FaultRecord& record) {
    static_cast<void>(port::irq_save());
    if (port::have_kernel()) {
        Kernel& kernel = port::current_kernel();
        CrashState& crash = kernel.crash();
        if (crash.depth == 0) {
            ++crash.depth;
            crash.kind = PanicKind::fault;
            crash.exact = true;
            crash.is_fault = true;
            crash.fault = record;
            crash.registers = record.registers;
            describe(crash, record, kernel.current());
            write_crash_record(kernel);
            port::halt();
        }
    }
    panic(PanicKind::fault, "{} at {:08x}, address {:08x}, status {:08x}", record.type,
          record.registers.pc(), record.address, record.status);
}

void check_failed(const char* expression, SourceLine where) {
    panic(PanicKind::check, "CHECK({}) {}:{}", expression, where.file, where.line);
}

}  // namespace kyu
