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

namespace kyu::net {

namespace {

/// What sum_blocks() takes at a time.
constexpr std::size_t kBlockBytes = 16;

std::uint32_t fold(std::uint64_t sum) {
    const auto low = static_cast<std::uint32_t>(sum);
    std::uint32_t folded = low + static_cast<std::uint32_t>(sum >> 32U);
    if (folded < low) ++folded;  // cannot carry again: the upper half was not all ones
    folded = (folded & 0xFFFFU) + (folded >> 16U);
    return (folded & 0xFFFFU) + (folded >> 16U);
}

std::uint32_t swap_bytes(std::uint32_t folded) { return ((folded & 0xFFU) << 8U) | (folded >> 8U); }

/// The 32-bit one's-complement sum of `blocks` > 0 blocks of 16 bytes from `p`, a multiple of 4.
/// Every received byte passes through here.
#if defined(__arm__)
std::uint32_t sum_blocks(const std::byte* p, std::size_t blocks) {
    // Words are added in pairs to four pairs of 64-bit sums, which cannot overflow: 256 bytes a
    // turn, then 64, then 16. Of NEON's registers only d16-d31 may be used (arch/armv7a/neon.hpp).
    std::size_t turns = blocks / 16;
    std::size_t quarters = blocks % 16 / 4;
    blocks %= 4;
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    asm(".fpu neon-vfpv4\n\t"
        ".macro kyu_add_64\n\t"
        "vldmia     %[p]!, {d16-d23}\n\t"
        "vpadal.u32 q12, q8\n\t"
        "vpadal.u32 q13, q9\n\t"
        "vpadal.u32 q14, q10\n\t"
        "vpadal.u32 q15, q11\n\t"
        ".endm\n\t"
        "vmov.i32   q12, #0\n\t"
        "vmov.i32   q13, #0\n\t"
        "vmov.i32   q14, #0\n\t"
        "vmov.i32   q15, #0\n\t"
        "cmp        %[turns], #0\n\t"
        "beq        2f\n"
        "1:\n\t"
        "kyu_add_64\n\t"
        "kyu_add_64\n\t"
        "kyu_add_64\n\t"
        "subs       %[turns], %[turns], #1\n\t"
        "kyu_add_64\n\t"
        "bne        1b\n"
        "2:\n\t"
        "cmp        %[quarters], #0\n\t"
        "beq        4f\n"
        "3:\n\t"
        "subs       %[quarters], %[quarters], #1\n\t"
        "kyu_add_64\n\t"
        "bne        3b\n"
        "4:\n\t"
        "cmp        %[blocks], #0\n\t"
        "beq        6f\n"
        "5:\n\t"
        "vldmia     %[p]!, {d16-d17}\n\t"
        "subs       %[blocks], %[blocks], #1\n\t"
        "vpadal.u32 q12, q8\n\t"
        "bne        5b\n"
        "6:\n\t"
        ".purgem kyu_add_64\n\t"
        "vadd.i64   q12, q12, q13\n\t"
        "vadd.i64   q14, q14, q15\n\t"
        "vadd.i64   q12, q12, q14\n\t"
        "vadd.i64   d24, d24, d25\n\t"
        "vmov       %[low], %[high], d24"
        : [p] "+r"(p), [turns] "+r"(turns), [quarters] "+r"(quarters), [blocks] "+r"(blocks),
          [low] "=&r"(low), [high] "=&r"(high)
        :
        : "cc", "memory");
    std::uint32_t sum = low + high;
    return sum + (sum < low ? 1U : 0U);
}
#else
std::uint32_t sum_blocks(const std::byte* p, std::size_t blocks) {
    std::uint64_t wide = 0;
    for (const std::byte* end = p + blocks * kBlockBytes; p < end; p += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, p, 4);
        wide += word;
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

std::uint32_t load32(const std::byte* p) {
    std::uint32_t word = 0;
    std::memcpy(&word, p, 4);
    return word;
}

/// A single byte as the first byte of a 16-bit word in memory.
std::uint32_t lone_byte(std::byte b) {
    if constexpr (std::endian::native == std::endian::little) {
        return std::to_integer<std::uint32_t>(b);
    } else {
        return std::to_integer<std::uint32_t>(b) << 8U;
    }
}

/// The sum of `left` bytes from `p` in the processor's byte order, as if they began at an even
/// offset.
std::uint64_t sum_unfolded(const std::byte* p, std::size_t left) {
    std::uint64_t sum = 0;
    const auto odd = reinterpret_cast<std::uintptr_t>(p) % 4;
    if (odd == 2 && left >= 2) {  // where TCP begins in a received frame
        sum = load16(p);
        p += 2;
        left -= 2;
    }
    if (left >= kBlockBytes && odd % 2 == 0) {
        sum += sum_blocks(p, left / kBlockBytes);
        p += left / kBlockBytes * kBlockBytes;
        left %= kBlockBytes;
    }
    for (; left >= 4; left -= 4, p += 4) sum += load32(p);
    if ((left & 2U) != 0) {
        sum += load16(p);
        p += 2;
    }
    if ((left & 1U) != 0) sum += lone_byte(*p);
    return sum;
}

std::uint32_t sum_bytes(const std::byte* p, std::size_t left) {
    return fold(sum_unfolded(p, left));
}

}  // namespace

void Checksum::add(std::span<const std::byte> bytes) {
    const std::uint32_t sum = sum_bytes(bytes.data(), bytes.size());
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

std::uint32_t transport_checksum(Ipv4 source, Ipv4 destination, std::uint8_t protocol,
                                 const Mbuf& packet) {
    const Segment* head = packet.head();
    if (std::endian::native != std::endian::little || head == nullptr || head->next != nullptr) {
        Checksum sum;
        sum.add_pseudo_header(source, destination, protocol,
                              static_cast<std::uint16_t>(packet.size()));
        sum.add(packet);
        return sum.finish();
    }
    // As Checksum does it, in the order of memory, without a state between the parts.
    const std::uint64_t sum = sum_unfolded(head->data, head->size) +
                              __builtin_bswap32(source.host) + __builtin_bswap32(destination.host) +
                              swap_bytes(std::uint32_t{protocol}) + swap_bytes(packet.size());
    return ~fold(sum) & 0xFFFFU;
}

std::uint16_t Checksum::finish() const {
    const std::uint32_t folded = fold(sum_);
    const std::uint32_t host =
        std::endian::native == std::endian::little ? swap_bytes(folded) : folded;
    return static_cast<std::uint16_t>(~host);
}

}  // namespace kyu::net
