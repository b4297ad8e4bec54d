// TcpHeader, TcpOptions, TcpSegment: a segment as it came, checked once.
//
// Rules     check_tcp_segment() and parse() are the only places that read lengths out of a TCP
//           header, but for header prediction, whose segments have a fixed layout. After them every
//           field is in host order and every length is inside the packet.
// Context   any. Pure, apart from the Mbuf given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endian.hpp"
#include "base/result.hpp"
#include "net/ip.hpp"
#include "net/packet/mbuf.hpp"
#include "net/tcp/counters.hpp"
#include "net/tcp/seq.hpp"

namespace kyu::net {

/// RFC 9293 §3.1, without options.
struct TcpHeader {
    Be16 source;
    Be16 destination;
    Be32 seq;
    Be32 ack;
    std::uint8_t offset;  ///< high four bits: header length in 32-bit words
    std::uint8_t flags;
    Be16 window;
    Be16 checksum;
    Be16 urgent;
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);

inline constexpr std::size_t kTcpHeaderBytes = sizeof(TcpHeader);
inline constexpr std::size_t kTcpHeaderBytesMax = 60;

// Kinds of options (RFC 9293 §3.2, RFC 7323, RFC 2018).
inline constexpr std::uint8_t kOptionEnd = 0;
inline constexpr std::uint8_t kOptionNop = 1;
inline constexpr std::uint8_t kOptionMss = 2;
inline constexpr std::uint8_t kOptionWindowScale = 3;
inline constexpr std::uint8_t kOptionSackPermitted = 4;
inline constexpr std::uint8_t kOptionSack = 5;
inline constexpr std::uint8_t kOptionTimestamps = 8;
inline constexpr std::uint8_t kOptionUserTimeout = 28;
/// NOP NOP and the head of a timestamps option, as RFC 7323 appendix A lays them out.
inline constexpr std::uint32_t kStampHead = 0x0101'080A;

struct TcpFlags {
    static constexpr std::uint8_t kFin = 0x01;
    static constexpr std::uint8_t kSyn = 0x02;
    static constexpr std::uint8_t kRst = 0x04;
    static constexpr std::uint8_t kPsh = 0x08;
    static constexpr std::uint8_t kAck = 0x10;
    static constexpr std::uint8_t kEce = 0x40;
    static constexpr std::uint8_t kCwr = 0x80;

    std::uint8_t bits{};
    [[nodiscard]] constexpr bool fin() const { return (bits & kFin) != 0; }
    [[nodiscard]] constexpr bool syn() const { return (bits & kSyn) != 0; }
    [[nodiscard]] constexpr bool rst() const { return (bits & kRst) != 0; }
    [[nodiscard]] constexpr bool ack() const { return (bits & kAck) != 0; }
    constexpr void clear(std::uint8_t which) { bits = static_cast<std::uint8_t>(bits & ~which); }
};

/// RFC 2018 §3: data that the peer holds beyond the acknowledged.
struct SackBlock {
    SeqNum first;
    SeqNum end;
};

struct TcpOptions {
    bool has_mss{false};
    std::uint16_t mss{0};
    bool has_window_scale{false};
    std::uint8_t window_scale{0};  ///< at most 14 (RFC 7323 §2.3)
    bool sack_permitted{false};
    bool has_timestamps{false};
    std::uint32_t timestamp_value{0};
    std::uint32_t timestamp_echo{0};
    std::uint16_t user_timeout{0};  ///< RFC 5482 §3: as it came; 0: none
    std::uint8_t sack_count{0};
    std::array<SackBlock, 4> sack{};
};

/// Reads an option area of up to 40 bytes. Malformed options end the parse or are skipped; of
/// duplicates the first counts. Always terminates: each round consumes at least one byte.
[[nodiscard]] TcpOptions parse_tcp_options(std::span<const std::byte> area);

/// Checks length and checksum, and makes the header without options contiguous. On failure the
/// reason, and `packet` is to be dropped.
[[nodiscard]] Status<TcpCount> check_tcp_segment(Mbuf& packet, const IpInfo& ip);
/// Whose it is; `packet` has passed check_tcp_segment().
[[nodiscard]] FourTuple tuple_of(const Mbuf& packet, const IpInfo& ip);

struct TcpSegment {
    FourTuple tuple;  ///< local = this host
    SeqNum seq;
    SeqNum ack;  ///< meaningful when flags.ack()
    TcpFlags flags;
    bool congested{false};  ///< the network has marked it (RFC 3168: CE)
    std::uint16_t window{};
    std::uint16_t data_bytes{};
    TcpOptions options;

    /// SEG.LEN: payload, and one each for SYN and FIN.
    [[nodiscard]] SeqLen length() const {
        return SeqLen{std::uint32_t{data_bytes} + (flags.syn() ? 1U : 0U) +
                      (flags.fin() ? 1U : 0U)};
    }

    /// RFC 2883 §4: the first block may tell of something that came twice.
    [[nodiscard]] bool tells_duplicate() const {
        if (options.sack_count == 0) return false;
        const SackBlock& one = options.sack[0];
        if (!one.end.is_after(ack)) return true;
        const SackBlock& two = options.sack[1];
        return options.sack_count > 1 && !one.first.is_before(two.first) &&
               !one.end.is_after(two.end);
    }
    /// Reads a packet that check_tcp_segment() has passed, checks the data offset, and cuts the
    /// header off: on success `packet` is the payload alone. On failure the reason, and `packet`
    /// is to be dropped.
    static Result<TcpSegment, TcpCount> parse(Mbuf& packet, const FourTuple& tuple);
};

}  // namespace kyu::net
