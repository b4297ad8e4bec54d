#include "apps/fuzz/input.hpp"

namespace kyu::fuzz {

unsigned touch(std::span<const std::byte> bytes) {
    unsigned sum = 0;
    for (const std::byte b : bytes) sum += static_cast<unsigned>(b);
    return sum;
}

}  // namespace kyu::fuzz
