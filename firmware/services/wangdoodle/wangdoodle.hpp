// Wangdoodle: the line-based test server on port 114.
//
// Context   one serve() per connection, each on a thread of its own; they share only counters.
// Ownership all state of a connection is on its thread's stack; the server owns the table of `big`,
//           which never changes after boot and is sent without copying.
// Time      a client that says nothing, or takes nothing, for kPatience is dropped.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/socket/api.hpp"
#include "services/defects/planted.hpp"
#include "services/wangdoodle/chunk_buffers.hpp"
#include "services/wangdoodle/command.hpp"
#include "services/wangdoodle/pattern.hpp"

namespace kyu::wangdoodle {

inline constexpr std::uint16_t kPort = 114;

/// The bytes of `big`, filled once at boot.
struct BigTable {
    std::array<std::byte, kBigBytes> bytes;
};

class Wangdoodle {
    const BigTable& big_;
    ChunkBuffers& buffers_;
    defects::Planted& planted_;
    std::atomic<std::uint32_t> bigs_started_{0};
    std::atomic<std::uint32_t> bigs_sent_{0};
    std::atomic<std::uint32_t> drawn_{0};
    std::uint64_t seed_;

    [[nodiscard]] std::uint64_t next_random();
    // One line; `early` are the bytes that came behind it, `used` how many of them it took. These
    // return false when the connection is over.
    bool one_wangdoodle(ThreadContext& self, net::TcpSocket& client, std::string_view line,
                        std::span<const std::byte> early, std::size_t& used);
    bool send_big(ThreadContext& self, net::TcpSocket& client);
    bool big_wangdoodle(ThreadContext& self, net::TcpSocket& client);

public:
    /// `seed` starts the numbers that `rand` and `uni` draw.
    Wangdoodle(const BigTable& big, ChunkBuffers& buffers, defects::Planted& planted,
               std::uint64_t seed)
        : big_(big), buffers_(buffers), planted_(planted), seed_(seed) {}

    /// Serves one client to its end. The caller closes the socket.
    void serve(ThreadContext& self, net::TcpSocket& client);

    /// `big` transfers handed to TCP whole, since boot.
    [[nodiscard]] std::uint32_t transfers() const { return bigs_sent_.load(); }
};

}  // namespace kyu::wangdoodle
