// TFTP packets (RFC 1350, options of RFC 2347, 2348, 2349), and the course of reading one file.
//
// Context   any. Pure: packets in, packets out; the thread that has the socket is in client.cpp.
// Rules     A block is acknowledged once. A block that comes again is not: the sender's copy is on
//           its way because of our timer or its own, and answering copies with copies is how two
//           hosts send each block twice to the end of the file (RFC 1123 §4.2.3.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kyu::net {

inline constexpr std::size_t kTftpNameMax = 100;
/// One frame: 1500 less IP, UDP and TFTP headers.
inline constexpr std::uint16_t kTftpBlockWanted = 1468;
inline constexpr std::uint16_t kTftpBlockPlain = 512;
inline constexpr std::uint16_t kTftpPort = 69;

enum class TftpError : std::uint8_t {
    bad_name,
    no_answer,
    refused,  ///< the server said why; TftpGet::text()
    no_socket,
    too_big,     ///< larger than the reader has room for
    bad_option,  ///< the server agreed to what was not asked for
    unreachable
};
[[nodiscard]] const char* to_text(TftpError error);

class TftpGet {
public:
    enum class Event : std::uint8_t {
        malformed,
        duplicate,
        options,   ///< agreed; reply() acknowledges
        data,      ///< a block; reply() acknowledges
        finished,  ///< the last block; reply() acknowledges
        refused,   ///< the server gave up; no reply
        failed     ///< we give up; reply() says so
    };

private:
    std::array<std::byte, 160> out_{};
    std::size_t out_size_{0};
    std::array<char, 48> text_{};
    std::size_t text_size_{0};
    std::uint16_t block_size_{kTftpBlockPlain};
    std::uint16_t expected_{1};
    bool begun_{false};  ///< the server's first packet has come
    std::uint64_t bytes_{0};
    std::uint64_t bytes_max_;
    std::uint64_t size_{0};
    TftpError error_{};

    void put16(std::uint16_t value);
    void put(std::string_view text);
    void acknowledge(std::uint16_t block);
    Event fail(TftpError error, std::uint16_t code, std::string_view text);
    Event take_data(std::span<const std::byte> rest, std::span<const std::byte>& data);
    Event take_options(std::span<const std::byte> rest);
    Event take_error(std::span<const std::byte> rest);
    bool take_option(std::string_view name, std::string_view value);

public:
    explicit TftpGet(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    /// Makes reply() the request for `name`. False: no name that can be asked for.
    [[nodiscard]] bool ask(std::string_view name);
    /// A packet of the server's; `data` is the block in it when there is one.
    [[nodiscard]] Event take(std::span<const std::byte> packet, std::span<const std::byte>& data);
    /// What is to be sent, and sent again when nothing comes.
    [[nodiscard]] std::span<const std::byte> reply() const {
        return std::span{out_}.first(out_size_);
    }
    [[nodiscard]] TftpError error() const { return error_; }
    /// What the server said when it refused, as far as it is printable.
    [[nodiscard]] std::string_view text() const { return {text_.data(), text_size_}; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }  ///< as announced; 0: not
    [[nodiscard]] std::uint16_t block_size() const { return block_size_; }
};

/// "Unknown transfer": the answer to a packet from a port that is not the transfer's.
inline constexpr std::array<std::byte, 5> kTftpForeign{std::byte{0}, std::byte{5}, std::byte{0},
                                                       std::byte{5}, std::byte{0}};

}  // namespace kyu::net
