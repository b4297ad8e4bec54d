// What the compiler and the standard library expect to find, and the firmware must never need.
//
// Rules     No heap, no exceptions, no destruction of statics: each of these either does nothing or
//           is a program error. The personality routines are names only: unwind.cpp reads the
//           tables itself, and nothing is ever thrown.
#include <cstddef>
#include <cstdlib>
#include <new>

#include "kernel/panic.hpp"

extern "C" {
void* __dso_handle;  // NOLINT

void __aeabi_unwind_cpp_pr0() {}
void __aeabi_unwind_cpp_pr1() {}
void __aeabi_unwind_cpp_pr2() {}

int __aeabi_atexit(void*, void (*)(void*), void*) { return 0; }
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
int atexit(void (*)()) { return 0; }

[[noreturn]] void __cxa_pure_virtual() { kyu::panic("pure virtual function called"); }
[[noreturn]] void abort() { kyu::panic("abort"); }
int __aeabi_idiv0(int) { kyu::panic("division by zero"); }
long long __aeabi_ldiv0(long long) { kyu::panic("division by zero"); }
}

void operator delete(void*) noexcept { kyu::panic("operator delete: there is no heap"); }
void operator delete(void*, std::size_t) noexcept {
    kyu::panic("operator delete: there is no heap");
}
void operator delete(void*, std::align_val_t) noexcept {
    kyu::panic("operator delete: there is no heap");
}
void operator delete(void*, std::size_t, std::align_val_t) noexcept {
    kyu::panic("operator delete: there is no heap");
}

namespace std {
[[noreturn]] void __throw_out_of_range_fmt(const char* format, ...) { kyu::panic(format); }
[[noreturn]] void __throw_out_of_range(const char* what) { kyu::panic(what); }
[[noreturn]] void __throw_length_error(const char* what) { kyu::panic(what); }
[[noreturn]] void __throw_logic_error(const char* what) { kyu::panic(what); }
[[noreturn]] void __throw_invalid_argument(const char* what) { kyu::panic(what); }
[[noreturn]] void __throw_bad_function_call() { kyu::panic("bad_function_call"); }
}  // namespace std
