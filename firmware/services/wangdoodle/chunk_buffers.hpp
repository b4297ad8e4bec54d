// ChunkBuffers: a few large buffers, shared by all connections that write large chunks.
//
// Context   threads. borrow() waits for a free one, which its holder gives back by dying.
// Lock      interrupts off for the few steps that change the set.
// Limits    kCount buffers of kChunkMax bytes; a client that would wait too long gets an error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.hpp"
#include "kernel/context.hpp"
#include "kernel/semaphore.hpp"
#include "services/wangdoodle/command.hpp"

namespace kyu::wangdoodle {

class ChunkBuffers {
public:
    static constexpr std::size_t kCount = 8;
    /// The memory itself; the board keeps it out of the part that is cleared at boot.
    using Memory = std::array<std::array<std::byte, kChunkMax>, kCount>;

private:
    Memory& memory_;
    Semaphore free_count_{"chunk buffers", kCount};
    std::array<bool, kCount> lent_{};

public:
    explicit ChunkBuffers(Memory& memory) : memory_(memory) {}

    /// A buffer that is the holder's while this object lives; empty when none came free in time.
    class Loan {
        ChunkBuffers& owner_;
        ThreadContext& self_;
        std::size_t index_{kCount};

    public:
        Loan(ChunkBuffers& owner, ThreadContext& self, Instant deadline);
        ~Loan();
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;
        [[nodiscard]] std::span<std::byte> bytes() const;
    };
};

}  // namespace kyu::wangdoodle
