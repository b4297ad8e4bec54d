// The Internet checksum.
//
// Context   any. Pure.
// Rules     one's-complement addition is associative, commutative and the same in either byte order
//           except for a swap of the result (RFC 1071 §2), so the words are added as the processor
//           loads them and the sum is swapped once, in finish(). A piece that starts at an odd
//           offset of the packet is summed from its own start and swapped before it is added.
#include "net/checksum.hpp"

#include <bit>
#include <cstring>
#include <memory>

namespace kyu::net {

namespace {

constexpr std::size_t kBlockBytes = 32;

std::uint32_t fold(std::uint64_t sum) {
    sum = (sum & 0xFFFFFFFFU) + (sum >> 32U);
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint32_t>((sum & 0xFFFFU) + (sum >> 16U));
}

std::uint32_t swap_bytes(std::uint32_t folded) { return ((folded & 0xFFU) << 8U) | (folded >> 8U); }

/// Adds `blocks` blocks of 32 bytes from `p`, which is 4-byte aligned, to a 32-bit one's-complement
/// sum. Every received byte passes through here.
#if defined(__arm__)
std::uint32_t sum_blocks(const std::byte* p, std::size_t blocks, std::uint32_t sum) {
    // One instruction a word: the carry runs through the chain and comes back in at its end.
    while (blocks-- > 0) {
        asm("ldmia %[p]!, {r3, r4, r5, r6}\n\t"
            "adds  %[sum], %[sum], r3\n\t"
            "adcs  %[sum], %[sum], r4\n\t"
            "adcs  %[sum], %[sum], r5\n\t"
            "adcs  %[sum], %[sum], r6\n\t"
            "ldmia %[p]!, {r3, r4, r5, r6}\n\t"
            "adcs  %[sum], %[sum], r3\n\t"
            "adcs  %[sum], %[sum], r4\n\t"
            "adcs  %[sum], %[sum], r5\n\t"
            "adcs  %[sum], %[sum], r6\n\t"
            "adc   %[sum], %[sum], #0\n\t"
            : [p] "+r"(p), [sum] "+r"(sum)
            :
            : "r3", "r4", "r5", "r6", "cc", "memory");
    }
    return sum;
}
#else
std::uint32_t sum_blocks(const std::byte* p, std::size_t blocks, std::uint32_t sum) {
    std::uint64_t wide = sum;
    for (; blocks > 0; --blocks, p += kBlockBytes) {
        for (std::size_t i = 0; i < kBlockBytes; i += 4) {
            std::uint32_t word = 0;
            std::memcpy(&word, p + i, 4);
            wide += word;
        }
    }
    wide = (wide & 0xFFFFFFFFU) + (wide >> 32U);
    return static_cast<std::uint32_t>(wide + (wide >> 32U));
}
#endif

std::uint32_t load16(const std::byte* p) {
    std::uint16_t half = 0;
    std::memcpy(&half, p, 2);
    return half;
}

/// A single byte as the first byte of a 16-bit word in memory.
std::uint32_t lone_byte(std::byte b) {
    if constexpr (std::endian::native == std::endian::little) {
        return std::to_integer<std::uint32_t>(b);
    } else {
        return std::to_integer<std::uint32_t>(b) << 8U;
    }
}

/// The folded sum of `bytes` in the processor's byte order, as if they began at an even offset.
std::uint32_t sum_bytes(std::span<const std::byte> bytes) {
    const std::byte* p = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t sum = 0;
    bool swapped = false;
    if (left > 0 && (std::bit_cast<std::uintptr_t>(p) & 1U) != 0) {
        // An odd address: that byte is the second half of an aligned word; swap at the end.
        sum = swap_bytes(lone_byte(*p));
        ++p;
        --left;
        swapped = true;
    }
    if (left >= 2 && (std::bit_cast<std::uintptr_t>(p) & 2U) != 0) {
        sum += load16(p);
        p += 2;
        left -= 2;
    }
    sum += sum_blocks(p, left / kBlockBytes, 0);
    p += left / kBlockBytes * kBlockBytes;
    left %= kBlockBytes;
    for (; left >= 4; left -= 4, p += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, std::assume_aligned<4>(p), 4);
        sum += word;
    }
    if (left >= 2) {
        sum += load16(p);
        p += 2;
        left -= 2;
    }
    if (left == 1) sum += lone_byte(*p);
    const std::uint32_t folded = fold(sum);
    return swapped ? swap_bytes(folded) : folded;
}

}  // namespace

void Checksum::add(std::span<const std::byte> bytes) {
    const std::uint32_t sum = sum_bytes(bytes);
    sum_ += odd_ ? swap_bytes(sum) : sum;
    sum_ = (sum_ & 0xFFFFU) + (sum_ >> 16U);
    odd_ = odd_ != ((bytes.size() & 1U) != 0);
}

void Checksum::add(const Mbuf& chain, std::size_t offset) {
    chain.for_each_segment([&](std::span<const std::byte> piece) {
        if (offset >= piece.size()) {
            offset -= piece.size();
            return;
        }
        add(piece.subspan(offset));
        offset = 0;
    });
}

void Checksum::add_pseudo_header(Ipv4 source, Ipv4 destination, std::uint8_t protocol,
                                 std::uint16_t length) {
    // Added as numbers in the wire's order: swapped where the processor has the other.
    const std::uint64_t sum = (source.host >> 16U) + (source.host & 0xFFFFU) +
                              (destination.host >> 16U) + (destination.host & 0xFFFFU) +
                              std::uint32_t{protocol} + std::uint32_t{length};
    const std::uint32_t folded = fold(sum);
    const bool little = std::endian::native == std::endian::little;
    sum_ += little != odd_ ? swap_bytes(folded) : folded;
    sum_ = (sum_ & 0xFFFFU) + (sum_ >> 16U);
}

std::uint16_t Checksum::finish() const {
    const std::uint32_t folded = fold(sum_);
    const std::uint32_t host =
        std::endian::native == std::endian::little ? swap_bytes(folded) : folded;
    return static_cast<std::uint16_t>(~host);
}

}  // namespace kyu::net
