#include "arch/armv7a/edges.hpp"

#include "arch/armv7a/instructions.hpp"

namespace kyu::ehabi {
namespace {

constexpr std::size_t kEpilogueMax = 6;         // instructions
constexpr std::uint32_t kPrologueMax = 256;     // bytes: then it is no prologue any more
constexpr std::uint32_t kStackMax = 1U << 20U;  // of one frame

/// Instructions one after the other.
class Reader {
    const Memory& memory_;
    std::uint32_t at_;
    bool thumb_;
    std::uint32_t conditional_{};  // this many more are

    bool half(std::uint32_t at, std::uint32_t& value) const {
        std::uint32_t word = 0;
        if (!memory_.read(at & ~3U, word)) return false;
        value = (at & 2U) != 0 ? word >> 16U : word & 0xFFFFU;
        return true;
    }

public:
    Reader(const Memory& memory, std::uint32_t at, bool thumb)
        : memory_(memory), at_(at), thumb_(thumb) {}

    [[nodiscard]] std::uint32_t at() const { return at_; }

    /// False: it cannot be read. A conditional one does nothing, or what is not understood.
    bool next(Act& act, bool obey_conditions) {
        std::uint32_t first = 0;
        std::uint32_t second = 0;
        if (!thumb_) {
            if (!memory_.read(at_, first)) return false;
            act = decode_arm(first);
        } else {
            if (!half(at_, first)) return false;
            if (first >= 0xE800U && !half(at_ + 2, second)) return false;
            act = decode_thumb(first, second);
        }
        at_ += act.bytes;
        if (conditional_ > 0) {
            --conditional_;
            const bool built = act.does == Does::push || act.does == Does::take;
            if (obey_conditions) act.does = built ? Does::change_sp : Does::nothing;
        }
        if (act.does == Does::condition) conditional_ = act.amount;
        return true;
    }
};

/// The code of a frame: where it stands, and in which state.
struct Stand {
    std::uint32_t pc;
    bool thumb;
    explicit Stand(const Frame& frame) : pc(frame.pc() & ~1U), thumb((frame.pc() & 1U) != 0) {}
};

// ---- The prologue ------------------------------------------------------------------------------

/// What straight-line code from the function's start has done to the stack.
struct Built {
    std::uint32_t bytes{};  ///< how far sp has moved down
    bool frame_pointer{};   ///< the frame pointer is this function's already
    bool known{true};       ///< all of it was understood, and it was straight
};

bool takes(const Act& act) { return act.does == Does::push || act.does == Does::take; }

/// The stack shrinks, or what becomes of it is not known, or this is straight-line code no longer.
bool ends_prologue(Does does) {
    return does == Does::pop || does == Does::give || does == Does::sp_from_fp ||
           does == Does::change_sp || does == Does::leave || does == Does::bx_lr;
}

bool look(std::uint32_t function, const Stand& stand, const Memory& memory, Built& built) {
    Reader code{memory, function, stand.thumb};
    Act act;
    while (code.at() < stand.pc) {
        const bool late = code.at() - function >= kPrologueMax;
        if (!code.next(act, true)) return false;
        if (takes(act)) {
            if (act.amount > kStackMax || built.bytes > kStackMax) return false;
            built.bytes += act.amount;
        }
        built.frame_pointer = built.frame_pointer || act.does == Does::set_fp;
        built.known = built.known && !ends_prologue(act.does) && !late;
    }
    return true;
}

/// The registers of `mask` from the words at `at` on; sp is left alone.
bool load(Frame& frame, std::uint32_t mask, std::uint32_t at, const Memory& memory) {
    for (unsigned r = 0; r < frame.r.size(); ++r) {
        if ((mask >> r & 1U) == 0) continue;
        std::uint32_t word = 0;
        if (!memory.read(at, word)) return false;
        if (r != kSp) frame.r[r] = word;
        at += 4;
    }
    return true;
}

/// Puts back what the instructions between `function` and the pc have pushed.
bool undo_prologue(Frame& frame, std::uint32_t function, const Stand& stand, const Built& built,
                   const Memory& memory) {
    Frame caller = frame;
    const std::uint32_t top = frame.sp() + built.bytes;
    std::uint32_t sp = top;
    Reader code{memory, function, stand.thumb};
    Act act;
    while (code.at() < stand.pc) {
        if (!code.next(act, true)) return false;
        if (!takes(act)) continue;
        sp -= act.amount;
        if (act.does == Does::push && !load(caller, act.mask, sp, memory)) return false;
    }
    caller.r[kSp] = top;
    caller.r[kPc] = caller.lr();
    frame = caller;
    return true;
}

// ---- The epilogue ------------------------------------------------------------------------------

/// Runs what is left of an epilogue. False: it is none, or it cannot be read.
bool run_epilogue(Frame& frame, const Stand& stand, const Memory& memory) {
    Frame caller = frame;
    const unsigned fp = fp_of(stand.thumb);
    Reader code{memory, stand.pc, stand.thumb};
    Act act;
    for (std::size_t n = 0; n < kEpilogueMax; ++n) {
        // Where a condition stands before the instruction, both ways lead to the same caller.
        if (!code.next(act, false)) return false;
        switch (act.does) {
            case Does::bx_lr: caller.r[kPc] = caller.lr(); break;
            case Does::pop:
                if (!load(caller, act.mask, caller.sp(), memory)) return false;
                caller.r[kSp] += act.amount;
                break;
            case Does::give: caller.r[kSp] += act.amount; break;
            case Does::move_fp: caller.r[fp] += act.amount; break;
            case Does::sp_from_fp: caller.r[kSp] = caller.r[fp] + act.amount; break;
            default: return false;
        }
        const bool popped_pc = act.does == Does::pop && (act.mask >> kPc & 1U) != 0;
        if (act.does != Does::bx_lr && !popped_pc) continue;
        frame = caller;
        return true;
    }
    return false;
}

Edge undone(Frame& frame) {
    frame.exact = false;
    frame.ignore_frame_pointer = false;
    return Edge::undone;
}

}  // namespace

Edge undo_edge(Frame& frame, std::uint32_t function, const Memory& memory) {
    const Stand stand{frame};
    if (run_epilogue(frame, stand, memory)) return undone(frame);
    Built built;
    if (!look(function, stand, memory, built)) return Edge::unreadable;
    if (built.bytes == 0) {  // nothing yet, or a leaf that needs nothing
        frame.r[kPc] = frame.lr();
        return undone(frame);
    }
    if (built.frame_pointer) return Edge::none;
    if (!built.known) return Edge::before_fp;
    return undo_prologue(frame, function, stand, built, memory) ? undone(frame) : Edge::unreadable;
}

}  // namespace kyu::ehabi
