#include "apps/testserver/board_tricks.hpp"

#include <array>
#include <utility>

namespace kyu::app {
namespace {

Board* the_board;
net::Net* the_net;

constexpr unsigned kSpareA = 8;  // software interrupts that nobody else uses
constexpr unsigned kSpareB = 9;

[[gnu::noinline]] void mask_everything() { __asm__ volatile("cpsid if" ::: "memory"); }

[[gnu::noinline]] void load_misaligned() {
    // Single words may lie anywhere, several at once may not, whatever SCTLR.A says.
    static const std::array<std::uint64_t, 2> words{};
    const auto odd = reinterpret_cast<std::uintptr_t>(words.data()) + 1;
    __asm__ volatile("ldmia %0, {r2, r3}" ::"r"(odd) : "r2", "r3", "memory");
}

[[gnu::noinline]] void ask_again(IrqContext& /*irq*/, void* /*unused*/) {
    the_board->gic.raise(kSpareA);
}

[[gnu::noinline]] void never_return(IrqContext& /*irq*/, void* /*unused*/) {
    for (;;) __asm__ volatile("");
}

void start_storm() {
    if (the_board->gic.handler_of(kSpareA) == nullptr) {
        the_board->gic.attach(kSpareA, &ask_again, nullptr);
    }
    the_board->gic.raise(kSpareA);
}

void start_stuck_irq() {
    the_board->gic.attach(kSpareB, &never_return, nullptr);
    the_board->gic.raise(kSpareB);
}

void keep_buffer(ThreadContext& self) {
    static net::Mbuf kept;
    net::NetGuard guard(*the_net, self);
    net::Mbuf more = guard->pool.allocate(1);
    if (kept) {
        kept.append(std::move(more));
    } else {
        kept = std::move(more);
    }
}

void silence_console() { BreakableIo::break_transmitter(); }

}  // namespace

defects::BoardTricks board_tricks(Board& board, net::Net& net) {
    the_board = &board;
    the_net = &net;
    return {.mask_everything = mask_everything,
            .load_misaligned = load_misaligned,
            .start_storm = start_storm,
            .start_stuck_irq = start_stuck_irq,
            .silence_console = silence_console,
            .keep_buffer = keep_buffer};
}

}  // namespace kyu::app
