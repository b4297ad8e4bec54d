#include "services/defects/faults.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

// The large frame is what is planted.
#pragma GCC diagnostic ignored "-Wframe-larger-than="

namespace kyu::defects {
namespace {

// Through these the compiler cannot see what is about to happen.
volatile int* volatile nowhere = nullptr;
void (*volatile no_function)() = nullptr;
volatile int zero = 0;
volatile int sink = 0;

[[gnu::noinline]] int deeper(int depth) {
    std::array<volatile char, 200> frame;
    for (volatile char& c : frame) c = static_cast<char>(depth);
    if (zero != 0) return 0;  // an end that never comes
    return deeper(depth + 1) + frame[static_cast<std::size_t>(depth) % frame.size()];
}

}  // namespace

[[gnu::noinline]] void read_null() { sink = *nowhere; }

[[gnu::noinline]] void write_null() { *nowhere = 1; }

[[gnu::noinline]] void call_null() {
    no_function();
    sink = 0;  // not a jump: there is a way back
}

[[gnu::noinline]] void write_text() {
    auto* code = reinterpret_cast<volatile int*>(reinterpret_cast<std::uintptr_t>(&write_text));
    *code = 0;
}

[[gnu::noinline]] void run_data() {
    static std::array<std::uint32_t, 1> written{0xE12F'FF1E};  // bx lr
    using Code = void (*)();
    const auto volatile code = reinterpret_cast<Code>(reinterpret_cast<std::uintptr_t>(&written));
    code();
    sink = 0;  // not a jump
}

[[gnu::noinline]] void run_undefined() {
#if defined(__arm__)
    __asm__ volatile("udf #0x1234");  // permanently undefined, and no compiler writes it
#else
    __builtin_trap();
#endif
}

[[gnu::noinline]] void divide_by_zero() { sink = 1000 / zero; }

[[gnu::noinline]] void recurse_for_ever() { sink = deeper(0); }

[[gnu::noinline]] void enter_large_frame() {
    std::array<volatile char, 20'000> frame;
    frame[0] = 1;
    sink = frame[0];
}

}  // namespace kyu::defects
