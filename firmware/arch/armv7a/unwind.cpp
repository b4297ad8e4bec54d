// Stack walks of kernel/port.hpp, on top of ehabi.hpp.
//
// Rules     Reads the given stack, this folder's own stacks, and the constant part of the image;
//           everything else is refused, so that nothing here can fault.
// Context   interrupts off: the stack that is walked must not change.
#include "arch/armv7a/ehabi.hpp"
#include "arch/armv7a/image.hpp"
#include "kernel/port.hpp"

extern "C" {
extern char kyu_irq_frame_begin[], kyu_irq_frame_end[];
void kyu_thread_begin();
}

namespace kyu::port {
namespace {

class BoardMemory final : public ehabi::Memory {
    arch::Extent stack_;
    arch::Image image_{arch::image()};
    arch::Extent boot_{arch::address_of(kyu_boot_stack), arch::address_of(kyu_boot_stack_top)};
    arch::Extent fiq_{arch::address_of(kyu_fiq_stack), arch::address_of(kyu_fiq_stack_top)};
    arch::Extent crash_{arch::address_of(kyu_crash_stack),
                        arch::address_of(kyu_nested_crash_stack_top)};

public:
    explicit BoardMemory(std::span<const std::byte> stack)
        : stack_{reinterpret_cast<std::uintptr_t>(stack.data()),
                 reinterpret_cast<std::uintptr_t>(stack.data()) + stack.size()} {}

    bool read(std::uint32_t address, std::uint32_t& word) const override {
        if (address % 4 != 0) return false;
        for (const arch::Extent& part :
             {stack_, image_.text, image_.constants, boot_, crash_, fiq_}) {
            if (address >= part.begin && part.end - part.begin >= 4 && address <= part.end - 4) {
                word = *reinterpret_cast<const std::uint32_t*>(address);
                return true;
            }
        }
        return false;
    }
};

ehabi::Range range_of(const char* begin, const char* end) {
    return {static_cast<std::uint32_t>(arch::address_of(begin)),
            static_cast<std::uint32_t>(arch::address_of(end))};
}

std::size_t walk(const ehabi::Frame& frame, std::span<const std::byte> stack,
                 std::span<std::uintptr_t> pcs) {
    const ehabi::Layout layout{range_of(__text_start, __text_end),
                               range_of(__exidx_start, __exidx_end),
                               range_of(kyu_irq_frame_begin, kyu_irq_frame_end)};
    return ehabi::walk(frame, layout, BoardMemory{stack}, pcs);
}

}  // namespace

std::size_t walk_stack(const Registers& start, std::span<const std::byte> stack,
                       std::span<std::uintptr_t> pcs) {
    ehabi::Frame frame;
    for (std::size_t i = 0; i < frame.r.size(); ++i) frame.r[i] = start.r[i];
    // capture_registers() leaves its own return address in both; a trap hardly ever does.
    frame.exact = start.lr() != start.pc();
    if (frame.exact && (start.status & ehabi::kThumbState) != 0) frame.r[15] |= 1U;
    return walk(frame, stack, pcs);
}

std::size_t walk_context(const Context& saved, std::span<const std::byte> stack,
                         std::span<std::uintptr_t> pcs) {
    constexpr std::size_t kCalleeSaved = 8;
    constexpr std::size_t kPc = 9;
    // Never initialised, or never run: there is nothing on its stack.
    const auto begin = reinterpret_cast<std::uintptr_t>(&kyu_thread_begin);
    if (saved.words[kPc] == 0 || saved.words[kPc] == begin) return 0;
    ehabi::Frame frame;
    for (std::size_t i = 0; i < kCalleeSaved; ++i) frame.r[4 + i] = saved.words[i];
    frame.r[13] = saved_stack_pointer(saved);
    frame.r[15] = saved.words[kPc];
    return walk(frame, stack, pcs);
}

}  // namespace kyu::port
