// The one place where bytes become header structs.
//
// Rules     a header struct has alignment 1 and is trivially copyable; its size is compared with
//           what is there before the cast.
// Context   any.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace kyu::net {

template <typename T>
concept WireHeader = std::is_trivially_copyable_v<T> && alignof(T) == 1;

/// The header at the front of `bytes`, or nullptr when they are too few.
template <WireHeader T>
[[nodiscard]] const T* header_at(std::span<const std::byte> bytes) {
    return bytes.size() < sizeof(T) ? nullptr : reinterpret_cast<const T*>(bytes.data());
}

/// The same, to be written.
template <WireHeader T>
[[nodiscard]] T* header_at(std::span<std::byte> bytes) {
    return bytes.size() < sizeof(T) ? nullptr : reinterpret_cast<T*>(bytes.data());
}

}  // namespace kyu::net
