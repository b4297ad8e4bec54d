// LastCrash: what a crash said, in memory that survives a reset, for the next boot to tell.
//
// Context   written by a panic, read once at the next boot; interrupts off, nothing else runs.
// Ownership refers to the memory; whatever stands there before the first crash is recognised as
//           nothing. An empty memory remembers nothing.
// Rules     The text first, then its length and checksum: a reset in between loses a line, no more.
//           Told once: a boot after that does not tell it again. Memory that lost bits while the
//           power was off is told as damaged rather than not at all.
// Format    of what print_last_crash() writes: docs/console.md, "last crash".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/text.hpp"

namespace kyu {

class LastCrash {
    struct Header {
        std::uint64_t magic;
        std::uint32_t size;  ///< bytes of text behind this
        std::uint32_t cut;   ///< bytes that found no room
        std::uint32_t crc;   ///< of the text
        std::uint32_t told;
    };
    static constexpr std::uint64_t kMagic = 0x3153'414C'2055'594B;  // "KYU LAS1"

    std::span<std::byte> memory_;

    [[nodiscard]] bool usable() const { return memory_.size() > sizeof(Header); }
    [[nodiscard]] std::size_t room() const { return memory_.size() - sizeof(Header); }
    [[nodiscard]] Header read() const;
    void write(const Header& header);

public:
    struct Kept {
        std::string_view text;
        bool cut;
        bool damaged;
    };

    explicit LastCrash(std::span<std::byte> memory) : memory_(memory) {}

    /// A new crash; what was kept of one before is gone.
    void begin();
    /// Adds to it. Without a begin() since power on it does nothing.
    void append(std::string_view text);
    /// False: there is none, or it was told. `text` stays valid until begin().
    [[nodiscard]] bool untold(Kept& kept) const;
    void set_told();
};

/// Writes what is kept and not told yet, and marks it as told. Nothing when there is nothing.
void print_last_crash(TextSink& sink, LastCrash& last);

}  // namespace kyu
