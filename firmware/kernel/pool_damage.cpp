#include "kernel/pool_damage.hpp"

#include "kernel/crash_state.hpp"
#include "kernel/panic.hpp"
#include "kernel/port.hpp"

namespace kyu {
namespace {

/// `, taken by 0x4002ceac NAME+dc`; nothing when nobody did.
void print_who(TextSink& sink, std::string_view did, std::uintptr_t by) {
    if (by == 0) return;
    print(sink, ", {} by 0x{:08x}", did, by);
    // A return address may be the first of the next function: ask for the byte before it.
    const Symbol symbol = port::lookup(by - 1);
    if (!symbol.name.empty()) print(sink, " {}+{:x}", symbol.name, symbol.offset + 1);
}

const char* words_of(PoolFault fault) {
    switch (fault) {
        case PoolFault::overrun: return "written beyond its end";
        case PoolFault::underrun: return "written before its beginning";
        case PoolFault::used_after_free: return "written after it was freed";
        case PoolFault::released_twice: return "freed twice";
        case PoolFault::foreign_released: return "freed, but no object of this pool";
    }
    return "damaged";
}

}  // namespace

void print_damage(TextSink& sink, const PoolDamage& damage) {
    if (damage.fault == PoolFault::foreign_released) {
        print(sink, "pool {}, pointer 0x{:08x}: {}", damage.pool, damage.object,
              words_of(damage.fault));
        return print_who(sink, "freed", damage.now_by);
    }
    print(sink, "pool {}, object {} at 0x{:08x}: {}", damage.pool, damage.index, damage.object,
          words_of(damage.fault));
    if (damage.found_bytes > 0) {
        const std::uintptr_t wrong = damage.object + static_cast<std::uintptr_t>(damage.offset);
        print(sink, ", offset {} at 0x{:08x} is", damage.offset, wrong);
        for (std::size_t i = 0; i < damage.found_bytes; ++i) {
            print(sink, " {:02x}", static_cast<unsigned>(damage.found[i]));
        }
    }
    print_who(sink, "taken", damage.taken_by);
    print_who(sink, "freed", damage.freed_by);
    if (damage.fault == PoolFault::released_twice) print_who(sink, "and again", damage.now_by);
}

void pool_damaged(const PoolDamage& damage) {
    TextBuffer<kCrashReasonMax> reason;
    print_damage(reason, damage);
    panic(PanicKind::check, "{}", reason.view());
}

}  // namespace kyu
