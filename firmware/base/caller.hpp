// Where a call came from, as an address that can be shown and looked up.
#pragma once

#include <cstdint>

namespace kyu {

/// The address behind a call. On ARM bit 0 of what the call left says in which state the caller
/// runs: it is no part of the address.
inline std::uintptr_t call_address(const void* return_address) {
    const auto address = reinterpret_cast<std::uintptr_t>(return_address);
#if defined(__arm__)
    return address & ~std::uintptr_t{1};
#else
    return address;
#endif
}

}  // namespace kyu

/// The place in the caller that a marked call returns to.
#define KYU_CALLER() ::kyu::call_address(__builtin_return_address(0))
