// Defects: failures planted on purpose, so that the rig's alarms can be tested.
//
// Rules     Only images built with KYU_DEFECTS have the code; a release image ignores `defect=`.
//           A defect is armed once, at boot, and acts during one `big` transfer.
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
    panic,         ///< panics in the middle of a transfer
    spin_irq_on,   ///< an urgent thread spins; interrupts still come
    spin_irq_off,  ///< the same with interrupts off
    abba,          ///< two threads each hold what the other wants
    wrong_byte,    ///< one byte of the stream is inverted
    cut,           ///< the connection is closed early, as if all were sent
    stall,         ///< the server stops sending and keeps the connection
    reset,         ///< the connection is reset
};

struct Defect {
    Kind kind{Kind::none};
    std::uint64_t argument{};  ///< an offset into the stream, bytes; 0 when not used
    std::uint64_t nth{1};      ///< the first transfer it acts on, from 1
};

/// NAME[:ARG][@NTH]; Kind::none when it is not one of ours.
[[nodiscard]] Defect parse(std::string_view text);

/// The name as it is written in a boot argument.
[[nodiscard]] std::string_view name_of(Kind kind);

}  // namespace kyu::defects
