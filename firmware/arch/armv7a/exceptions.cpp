#include "arch/armv7a/exceptions.hpp"

#include "arch/armv7a/cp15.hpp"
#include "arch/armv7a/ehabi.hpp"
#include "arch/armv7a/image.hpp"
#include "arch/armv7a/neon.hpp"
#include "kernel/panic.hpp"
#include "kernel/port.hpp"

namespace kyu::arch {
namespace {

void (*irq_handler)();
void (*fiq_handler)(const TrapFrame&);

/// What the compiler writes where a check of its own has failed: a division by zero, or what it
/// knew to be impossible.
constexpr std::uint32_t kTrapInstruction = 0xE7F0'00F0;
constexpr std::uint16_t kThumbTrapInstruction = 0xDEFF;

bool is_trap(const TrapFrame& frame) {
    const bool thumb = (frame.cpsr & ehabi::kThumbState) != 0;
    if (frame.pc % (thumb ? 2 : 4) != 0 || !image().text.contains(frame.pc)) return false;
    return thumb ? *reinterpret_cast<const std::uint16_t*>(frame.pc) == kThumbTrapInstruction
                 : *reinterpret_cast<const std::uint32_t*>(frame.pc) == kTrapInstruction;
}

const char* type_of(const TrapFrame& frame) {
    switch (frame.kind) {
        case TRAP_UNDEFINED: return is_trap(frame) ? "trap" : "undefined";
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
    // A thread may be cut off in the middle of a checksum, and another run before it goes on.
    const NeonRegisters kept;
    irq_handler();
}

void set_fiq_handler(void (*handler)(const TrapFrame&)) { fiq_handler = handler; }

void enable_fiq() { __asm__ volatile("cpsie f" ::: "memory"); }

Registers registers_of(const TrapFrame& frame) {
    Registers registers;
    for (std::size_t i = 0; i < frame.r.size(); ++i) registers.r[i] = frame.r[i];
    registers.r[13] = frame.sp;
    registers.r[14] = frame.lr;
    registers.r[15] = frame.pc;
    registers.status = frame.cpsr;
    return registers;
}

extern "C" [[noreturn]] void kyu_handle_crash(const TrapFrame& frame);

extern "C" void kyu_handle_fiq(const TrapFrame& frame) {
    if (fiq_handler == nullptr) kyu_handle_crash(frame);
    fiq_handler(frame);
}

extern "C" [[noreturn]] void kyu_handle_crash(const TrapFrame& frame) {
    FaultRecord record;
    record.type = type_of(frame);
    record.registers = registers_of(frame);
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
