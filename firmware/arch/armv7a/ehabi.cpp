#include "arch/armv7a/ehabi.hpp"

#include <optional>

#include "arch/armv7a/edges.hpp"
#include "arch/armv7a/instructions.hpp"

namespace kyu::ehabi {
namespace {

constexpr std::uint8_t kFinish = 0xB0;
constexpr std::uint32_t kCannotUnwind = 1;
constexpr std::uint32_t kInline = 1U << 31U;

/// The unwind instructions, byte by byte; after the last come finishes.
class Instructions {
    const Memory& memory_;
    std::uint32_t word_;
    unsigned left_;
    std::uint32_t next_;
    unsigned more_;
    bool broken_{false};

public:
    Instructions(const Memory& memory, std::uint32_t word, unsigned leading, std::uint32_t next,
                 unsigned more)
        : memory_(memory), word_(word), left_(leading), next_(next), more_(more) {}

    std::uint8_t take() {
        if (left_ == 0 && more_ > 0) {
            if (!memory_.read(next_, word_)) broken_ = true;
            next_ += 4;
            --more_;
            left_ = 4;
        }
        if (left_ == 0 || broken_) return kFinish;
        --left_;
        return static_cast<std::uint8_t>(word_ >> (8 * left_));
    }
    [[nodiscard]] bool broken() const { return broken_; }
};

/// The virtual register set: changes by one instruction at a time.
class Interpreter {
    Frame& frame_;
    const Memory& memory_;
    std::uint32_t vsp_;
    bool pc_popped_{false};
    bool skipped_{false};  // "vsp = frame pointer" was left out

    bool pop_mask(std::uint32_t mask) {
        std::optional<std::uint32_t> new_sp;
        for (unsigned i = 0; i < 16; ++i) {
            if ((mask >> i & 1U) == 0) continue;
            std::uint32_t word = 0;
            if (!memory_.read(vsp_, word)) return false;
            vsp_ += 4;
            if (i == 13) {
                new_sp = word;
            } else {
                frame_.r[i] = word;
                pc_popped_ = pc_popped_ || i == 15;
            }
        }
        if (new_sp) vsp_ = *new_sp;
        return true;
    }

    bool add_long(Instructions& code) {
        std::uint32_t value = 0;
        for (unsigned shift = 0; shift < 32; shift += 7) {
            const std::uint8_t byte = code.take();
            value |= static_cast<std::uint32_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0) {
                vsp_ += 0x204 + (value << 2U);
                return true;
            }
        }
        return false;
    }

    /// 1011xxxx
    bool run_b(std::uint8_t op, Instructions& code) {
        if (op == 0xB1) {
            const std::uint8_t mask = code.take();
            return mask != 0 && mask < 16 && pop_mask(mask);
        }
        if (op == 0xB2) return add_long(code);
        if (op == 0xB3) {  // double registers as FSTMFDX stored them
            vsp_ += 8U * ((code.take() & 15U) + 1) + 4;
            return true;
        }
        if (op == 0xB4) {  // a return address code: nothing that this core has
            vsp_ += 4;
            return true;
        }
        if (op >= 0xB8) {
            vsp_ += 8U * ((op & 7U) + 1) + 4;
            return true;
        }
        return false;
    }

public:
    Interpreter(Frame& frame, const Memory& memory)
        : frame_(frame), memory_(memory), vsp_(frame.sp()) {}

    /// False: an instruction that is reserved, or a stack that cannot be read.
    bool run(std::uint8_t op, Instructions& code) {
        if (op < 0x40) {
            vsp_ += (static_cast<std::uint32_t>(op & 0x3FU) << 2U) + 4;
            return true;
        }
        if (op < 0x80) {
            if (skipped_) return true;  // the frame pointer's distance from what was pushed
            vsp_ -= (static_cast<std::uint32_t>(op & 0x3FU) << 2U) + 4;
            return true;
        }
        if (op < 0x90) {
            const std::uint32_t mask = (static_cast<std::uint32_t>(op & 15U) << 8U) | code.take();
            return mask != 0 && pop_mask(mask << 4U);  // no register at all: refuse to unwind
        }
        if (op < 0xA0) {
            const unsigned from = op & 15U;
            if (from == 13 || from == 15) return false;
            const bool is_fp = from == fp_of(false) || from == fp_of(true);
            skipped_ = frame_.ignore_frame_pointer && is_fp;
            if (!skipped_) vsp_ = frame_.r[from];
            return true;
        }
        if (op < 0xB0) {
            const std::uint32_t last = 4U + (op & 7U);
            const std::uint32_t r4_to_last = ((2U << last) - 1) & ~15U;
            return pop_mask(r4_to_last | ((op & 8U) != 0 ? 1U << 14U : 0U));
        }
        if (op < 0xC0) return run_b(op, code);
        if (op == 0xC8 || op == 0xC9) {
            vsp_ += 8U * ((code.take() & 15U) + 1);
            return true;
        }
        if (op >= 0xD0 && op < 0xD8) {
            vsp_ += 8U * ((op & 7U) + 1);
            return true;
        }
        return false;
    }

    void finish() {
        frame_.r[13] = vsp_;
        if (!pc_popped_) frame_.r[15] = frame_.lr();
        frame_.exact = false;
        frame_.ignore_frame_pointer = false;
    }
};

/// A signed 31-bit distance from where it stands.
std::uint32_t prel31(std::uint32_t place, std::uint32_t word) {
    const std::uint32_t offset = (word & 0x7FFF'FFFFU) | ((word & 0x4000'0000U) << 1U);
    return place + offset;
}

struct IndexEntry {
    std::uint32_t place;
    std::uint32_t function;
};

/// The last entry of the index whose function begins at or before `pc`.
std::optional<IndexEntry> find_entry(std::uint32_t pc, const Layout& layout, const Memory& memory) {
    std::uint32_t low = 0;
    std::uint32_t high = (layout.index.end - layout.index.begin) / 8;
    std::optional<IndexEntry> found;
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        const std::uint32_t place = layout.index.begin + middle * 8;
        std::uint32_t word = 0;
        if (!memory.read(place, word)) return std::nullopt;
        const std::uint32_t function = prel31(place, word) & ~1U;  // bit 0: it is Thumb code
        if (function <= pc) {
            found = IndexEntry{place, function};
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return found;
}

/// Runs the entry whose table word is `word`, found at `place`: inline, or in .ARM.extab.
bool run_entry(Frame& frame, std::uint32_t place, std::uint32_t word, const Memory& memory) {
    const bool is_inline = (word & kInline) != 0;
    std::uint32_t at = place;
    if (!is_inline) {
        at = prel31(place, word);
        if (at % 4 != 0 || !memory.read(at, word)) return false;
    }
    if ((word & kInline) == 0) {
        // A generic personality routine: GNU's data has the count in the top byte of word two.
        at += 4;
        if (!memory.read(at, word)) return false;
        return execute(frame, word, 3, at + 4, word >> 24U, memory);
    }
    const unsigned personality = word >> 24U & 15U;
    if (personality == 0) return execute(frame, word, 3, 0, 0, memory);
    if (is_inline || personality > 2) return false;
    return execute(frame, word, 2, at + 4, word >> 16U & 0xFFU, memory);
}

/// The stack only shrinks on the way out, and never stays as it was but for a leaf.
Step sane(const Frame& frame, std::uint32_t sp_before, bool may_stay) {
    const bool moved = frame.sp() > sp_before || (frame.sp() == sp_before && may_stay);
    return frame.sp() % 4 == 0 && moved ? Step::stepped : Step::damaged;
}

/// The frame that vectors.S builds: [pad, lr, pad bytes, r0-r3, r12, lr, pc, cpsr].
Step step_interrupt(Frame& frame, const Memory& memory) {
    std::uint32_t pad = 0;
    if (!memory.read(frame.sp(), pad) || (pad & ~4U) != 0) return Step::damaged;
    std::uint32_t at = frame.sp() + 8 + pad;
    for (const unsigned reg : {0U, 1U, 2U, 3U, 12U, 14U, 15U}) {
        if (!memory.read(at, frame.r[reg])) return Step::damaged;
        at += 4;
    }
    std::uint32_t cpsr = 0;
    if (!memory.read(at, cpsr)) return Step::damaged;
    if ((cpsr & kThumbState) != 0) frame.r[15] |= 1U;
    frame.r[13] = at + 4;
    frame.exact = true;
    return Step::stepped;
}

}  // namespace

bool execute(Frame& frame, std::uint32_t first_word, unsigned leading, std::uint32_t next,
             unsigned more_words, const Memory& memory) {
    Frame result = frame;
    Instructions code{memory, first_word, leading, next, more_words};
    Interpreter interpreter{result, memory};
    for (std::uint8_t op = code.take(); op != kFinish; op = code.take()) {
        if (!interpreter.run(op, code)) return false;
    }
    if (code.broken()) return false;
    interpreter.finish();
    frame = result;
    return true;
}

Step step(Frame& frame, const Layout& layout, const Memory& memory) {
    const std::uint32_t pc = frame.pc() & ~1U;
    if (!frame.exact && layout.interrupt_frame.contains(pc)) return step_interrupt(frame, memory);
    // A call may be the last instruction of its function: look before the return address.
    const auto entry = find_entry(frame.exact ? pc : pc - 2, layout, memory);
    std::uint32_t word = 0;
    if (!entry || !memory.read(entry->place + 4, word)) return Step::damaged;
    if (word == kCannotUnwind) return Step::top;
    const std::uint32_t sp = frame.sp();
    const bool may_stay = frame.exact;  // a leaf without a frame
    if (frame.exact) {
        const Edge edge = undo_edge(frame, entry->function, memory);
        if (edge == Edge::unreadable) return Step::damaged;
        if (edge == Edge::undone) return sane(frame, sp, may_stay);
        // Between the push and the frame pointer, sp is where the frame pointer's rule leads to.
        frame.ignore_frame_pointer = edge == Edge::before_fp;
    }
    if (!run_entry(frame, entry->place + 4, word, memory)) return Step::damaged;
    return sane(frame, sp, may_stay);
}

std::size_t walk(Frame frame, const Layout& layout, const Memory& memory,
                 std::span<std::uintptr_t> pcs) {
    std::size_t count = 0;
    bool wild = false;
    while (count < pcs.size()) {
        const std::uint32_t pc = frame.pc() & ~1U;
        if (!layout.text.contains(pc)) {
            // A jump to nowhere: the call that made it left its return address in lr.
            if (!frame.exact || wild) break;
            wild = true;
            pcs[count++] = pc;
            frame.r[15] = frame.lr();
            frame.exact = false;
            continue;
        }
        const bool exact = frame.exact;
        const Step result = step(frame, layout, memory);
        // Nothing returns from the outermost frames: a thread's first call, the entry of the image.
        if (result == Step::top && !exact && count > 0) break;
        pcs[count++] = pc;
        if (result != Step::stepped) break;
    }
    return count;
}

}  // namespace kyu::ehabi
