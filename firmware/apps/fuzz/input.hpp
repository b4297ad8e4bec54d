// Input: the fuzzer's bytes, read as choices.
//
// Rules     never fails: behind the end everything is zero, so that every prefix of an input is an
//           input. Bytes that are handed on to a parser are copied into memory of just their size,
//           where AddressSanitizer sees the first byte too many.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace kyu::fuzz {

class Input {
    std::span<const std::uint8_t> left_;

public:
    explicit Input(std::span<const std::uint8_t> bytes) : left_(bytes) {}

    [[nodiscard]] bool empty() const { return left_.empty(); }
    [[nodiscard]] std::size_t size() const { return left_.size(); }
    std::uint8_t u8() {
        if (left_.empty()) return 0;
        const std::uint8_t value = left_.front();
        left_ = left_.subspan(1);
        return value;
    }
    std::uint16_t u16() {
        const unsigned high = u8();
        return static_cast<std::uint16_t>(high << 8U | u8());
    }
    std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16U | u16();
    }
    template <typename T, std::size_t N>
    const T& pick(const std::array<T, N>& choices) {
        return choices[u8() % N];
    }
    /// At most `most` bytes.
    std::span<const std::uint8_t> take(std::size_t most) {
        const std::size_t n = std::min(most, left_.size());
        const auto taken = left_.first(n);
        left_ = left_.subspan(n);
        return taken;
    }
    std::span<const std::uint8_t> rest() { return take(left_.size()); }
    /// A piece whose length stands in front of it.
    std::span<const std::uint8_t> piece() { return take(u16() % 2048U); }
};

/// A copy in memory of its own, without a byte to spare, beginning at an odd address when asked.
class Exact {
    std::size_t offset_;
    std::size_t size_;
    std::unique_ptr<std::byte[]> memory_;

public:
    explicit Exact(std::span<const std::uint8_t> bytes, bool odd = false)
        : offset_(odd ? 1 : 0),
          size_(bytes.size()),
          memory_(std::make_unique_for_overwrite<std::byte[]>(offset_ + size_)) {
        std::copy_n(std::as_bytes(bytes).begin(), size_, memory_.get() + offset_);
    }
    [[nodiscard]] std::span<const std::byte> bytes() const {
        return {memory_.get() + offset_, size_};
    }
    [[nodiscard]] std::string_view text() const {
        return {reinterpret_cast<const char*>(memory_.get() + offset_), size_};
    }
};

/// Reads every byte: what a view hands out must be there. The sum keeps the reads from being
/// optimised away.
unsigned touch(std::span<const std::byte> bytes);

}  // namespace kyu::fuzz
