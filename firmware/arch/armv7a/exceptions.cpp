#include "arch/armv7a/exceptions.hpp"

#include "arch/armv7a/cp15.hpp"
#include "kernel/panic.hpp"
#include "kernel/port.hpp"

namespace kyu::arch {
namespace {

void (*irq_handler)();

const char* type_of(std::uint32_t kind) {
    switch (kind) {
        case TRAP_UNDEFINED: return "undefined";
        case TRAP_SVC: return "svc";
        case TRAP_PREFETCH_ABORT: return "prefetch-abort";
        case TRAP_DATA_ABORT: return "data-abort";
        case TRAP_FIQ: return "fiq";
        default: return "reserved-vector";
    }
}

}  // namespace

void set_irq_handler(void (*handler)()) { irq_handler = handler; }

extern "C" void kyu_handle_irq() {
    CHECK(irq_handler != nullptr);
    irq_handler();
}

extern "C" [[noreturn]] void kyu_handle_crash(const TrapFrame& frame) {
    FaultRecord record;
    record.type = type_of(frame.kind);
    for (std::size_t i = 0; i < frame.r.size(); ++i) record.registers.r[i] = frame.r[i];
    record.registers.r[13] = frame.sp;
    record.registers.r[14] = frame.lr;
    record.registers.r[15] = frame.pc;
    record.registers.status = frame.cpsr;
    // The fault registers keep the last abort: read for the exception they belong to only.
    if (frame.kind == TRAP_DATA_ABORT) {
        record.status = read_dfsr();
        record.address = read_dfar();
    } else if (frame.kind == TRAP_PREFETCH_ABORT) {
        record.status = read_ifsr();
        record.address = read_ifar();
    }
    panic_fault(record);
}

}  // namespace kyu::arch
