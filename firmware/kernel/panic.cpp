#include "kernel/panic.hpp"

#include "kernel/crash_record.hpp"
#include "kernel/kernel.hpp"

namespace kyu {
namespace {

/// A panic inside a panic: both reasons, no walk through data that may be damaged.
[[noreturn]] void stop_nested(CrashState& crash, std::string_view format,
                              std::span<const TextArg> args) {
    if (crash.depth == 2) {
        PolledSink sink;
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

}  // namespace

const char* to_text(PanicKind kind) {
    switch (kind) {
        case PanicKind::panic: return "panic";
        case PanicKind::fault: return "fault";
        case PanicKind::deadlock: return "deadlock";
        case PanicKind::check: return "check";
    }
    return "panic";
}

void panic_format(PanicKind kind, std::string_view format, std::span<const TextArg> args) {
    static_cast<void>(port::irq_save());
    if (!port::have_kernel()) stop_without_kernel(format, args);
    Kernel& kernel = port::current_kernel();
    CrashState& crash = kernel.crash();
    if (++crash.depth > 1) stop_nested(crash, format, args);
    crash.kind = kind;
    format_to(crash.reason, format, args);
    port::capture_registers(crash.registers);
    write_crash_record(kernel);
    port::halt();
}

void panic(const char* reason) { panic(PanicKind::panic, "{}", reason); }

void panic_fault(const FaultRecord& record) {
    static_cast<void>(port::irq_save());
    if (port::have_kernel()) {
        CrashState& crash = port::current_kernel().crash();
        if (crash.depth == 0) {
            ++crash.depth;
            crash.kind = PanicKind::fault;
            crash.is_fault = true;
            crash.fault = record;
            crash.registers = record.registers;
            print(crash.reason, "{} at {:08x}, address {:08x}, status {:08x}", record.type,
                  record.registers.pc(), record.address, record.status);
            write_crash_record(port::current_kernel());
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
