// Defects: failures planted on purpose, so that alarms can be tested: the board's and the rig's.
//
// Rules     Only images built with KYU_DEFECTS have the code; a release image ignores `defect=`.
//           A defect is armed once, at boot, and acts during one `big` transfer, after half of it.
// Context   arm() before the servers start; act() from the thread that serves the transfer.
// Source    boot argument defect=NAME[:ARG][@NTH]: NTH is the first transfer it acts on (1 = the
//           first, the default). `panic:N` acts on transfer N+1: after N good ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernel/context.hpp"

namespace kyu::net {
class TcpSocket;
}

namespace kyu::defects {

#if defined(KYU_DEFECTS)
inline constexpr bool kBuilt = true;
#else
inline constexpr bool kBuilt = false;
#endif

enum class Kind : std::uint8_t {
    none,
    // The program says so.
    panic,           ///< panics in the middle of a transfer
    panic_in_panic,  ///< what the report of a panic reads is damaged
    panic_in_irq,    ///< a timer's callback panics
    // The processor says so.
    null_read,
    null_write,
    null_call,   ///< a jump to address 0
    write_text,  ///< the program writes over itself
    run_data,    ///< ... and runs what it has written
    undefined,   ///< an instruction that there is not
    misaligned,  ///< a double word from an odd address
    divide,      ///< by zero
    overflow_recursion,
    overflow_frame,  ///< one function with a frame larger than what is left of its stack
    // Locks.
    abba,            ///< two threads each hold what the other wants
    lock_order,      ///< one thread takes two mutexes in both orders, and nobody ever waits
    self_deadlock,   ///< a mutex is taken by who holds it
    hold_and_wait,   ///< a thread waits, holding the mutex that its messenger needs
    foreign_unlock,  ///< a mutex is given up by who does not hold it
    missed_wakeup,   ///< the condition is signalled between the test and the sleep
    never_posted,    ///< a semaphore that nobody posts
    // The processor is kept.
    spin_irq_on,   ///< an urgent thread spins; interrupts still come
    spin_irq_off,  ///< the same with interrupts off
    spin_all_off,  ///< the same with fast interrupts off too: only somebody outside can tell
    irq_stuck,     ///< an interrupt handler does not return
    irq_storm,     ///< an interrupt comes again as soon as it was served
    // Memory.
    pool_overrun,    ///< a pool's object is written beyond its end
    use_after_free,  ///< a pool's object is written after it was given back
    leak,            ///< every transfer keeps a packet buffer, and is good
    // The line.
    mute,  ///< the console's transmitter is dead
    // The stream.
    wrong_byte,  ///< one byte of the stream is inverted
    cut,         ///< the connection is closed early, as if all were sent
    stall,       ///< the server stops sending and keeps the connection
    reset,       ///< the connection is reset
};

struct Defect {
    Kind kind{Kind::none};
    std::uint64_t argument{};  ///< an offset into the stream, bytes; 0 when not used
    std::uint64_t nth{1};      ///< the first transfer it acts on, from 1
};

/// What only the board's composition root can do wrong; nullptr: this board cannot.
struct BoardTricks {
    void (*mask_everything)(){nullptr};  ///< interrupts and fast interrupts off, on this core
    void (*load_misaligned)(){nullptr};  ///< a double word from an odd address
    void (*start_storm)(){nullptr};      ///< an interrupt that asks for itself when served
    void (*start_stuck_irq)(){nullptr};  ///< an interrupt whose handler spins
    void (*silence_console)(){nullptr};  ///< the transmitter takes nothing any more
    void (*keep_buffer)(ThreadContext&){nullptr};  ///< a packet buffer is never given back
};

/// NAME[:ARG][@NTH]; Kind::none when it is not one of ours.
[[nodiscard]] Defect parse(std::string_view text);

/// The name as it is written in a boot argument.
[[nodiscard]] std::string_view name_of(Kind kind);

}  // namespace kyu::defects
