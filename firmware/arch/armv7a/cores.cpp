#include "arch/armv7a/cores.hpp"

#include <array>

#include "arch/armv7a/cp15.hpp"
#include "board/orangepi-pc/core_power.hpp"
#include "board/orangepi-pc/memory_map.hpp"
#include "drivers/gic/gic.hpp"
#include "kernel/kernel.hpp"

namespace kyu::arch {
namespace {

// One writer each: core 0 writes wanted, function and argument, the core the other three.
struct Slot {
    volatile std::uint32_t state;
    volatile std::uint32_t wanted;  // number of the last call
    volatile std::uint32_t done;    // number of the last call that has returned
    CoreFunction volatile function;
    volatile std::uint32_t argument;
    volatile std::uint32_t result;
    std::array<std::uint32_t, 10> unused;
};
static_assert(sizeof(Slot) == CORE_SLOT_BYTES && offsetof(Slot, state) == CORE_SLOT_STATE);

constexpr unsigned kWakeInterrupt = 15;

}  // namespace

extern "C" {
extern Slot kyu_core_slots[];
void kyu_core_begin();

/// The life of a core that is not 0, on its own stack, without MMU and caches.
[[noreturn, gnu::used]] void kyu_core_main(Slot* slot) {
    const MmioIo distributor{board::kGicDistributor};
    const MmioIo cpu{board::kGicCpuInterface};
    // Both are this core's own: private interrupts are banked.
    distributor.write(gic::kSetEnable, 1U << kWakeInterrupt);
    cpu.write(gic::PriorityMask::offset, gic::kMaskNothing);
    cpu.write(gic::CpuControl::offset,
              gic::CpuControl::EnableGroup0::of(1) | gic::CpuControl::EnableGroup1::of(1));
    for (;;) {
        slot->state = CORE_PARKED;
        while (slot->wanted == slot->done) {
            dsb();
            __asm__ volatile("wfi" ::: "memory");
            const std::uint32_t token = cpu.read(gic::Acknowledge::offset);
            if (gic::Acknowledge::Id::in(token) < gic::kFirstSpecial) {
                cpu.write(gic::EndOfInterrupt::offset, token);
            }
        }
        const std::uint32_t call = slot->wanted;
        slot->state = CORE_RUNNING;
        dmb();
        slot->result = slot->function(slot->argument);
        dmb();
        slot->done = call;
        dsb();
    }
}
}

CoreState core_state(unsigned core) {
    CHECK(core > 0 && core < board::kCores);
    return static_cast<CoreState>(kyu_core_slots[core].state);
}

std::optional<std::uint32_t> run_on_core(ThreadContext& self, unsigned core, CoreFunction function,
                                         std::uint32_t argument, Duration patience) {
    CHECK(core > 0 && core < board::kCores);
    Slot& slot = kyu_core_slots[core];
    const CoreState state = core_state(core);
    if (slot.wanted != slot.done) return std::nullopt;
    if (state != CoreState::never_seen && state != CoreState::parked) return std::nullopt;
    slot.function = function;
    slot.argument = argument;
    dmb();
    const std::uint32_t call = slot.done + 1;
    slot.wanted = call;
    dsb();  // in memory before the core looks
    if (state == CoreState::never_seen) {
        board::release_core(
            MmioIo{board::kCpuCfg}, MmioIo{board::kPrcm}, core,
            static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&kyu_core_begin)),
            [&self](std::int64_t us) { self.sleep_for(Duration::from_us(us)); });
    } else {
        const MmioIo distributor{board::kGicDistributor};
        distributor.write(gic::SoftwareInterrupt::offset,
                          gic::SoftwareInterrupt::Cores::of(1U << core) |
                              gic::SoftwareInterrupt::Id::of(kWakeInterrupt));
    }
    const Instant give_up = self.now() + patience;
    while (slot.done != call) {
        if (self.now() >= give_up) return std::nullopt;
        self.sleep_for(Duration::from_ms(1));
    }
    dmb();
    return slot.result;
}

}  // namespace kyu::arch
