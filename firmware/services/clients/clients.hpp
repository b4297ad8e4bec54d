// Clients: lots and daytime, for the shell and the self tests.
//
// Context   the caller's thread, which waits.
// Source    lots is the story's first test: connect out, send in a loop of chunks. daytime is
//           RFC 867.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "kernel/context.hpp"
#include "net/net.hpp"
#include "net/socket/api.hpp"
#include "services/wangdoodle/chunk_buffers.hpp"

namespace kyu::clients {

inline constexpr std::uint16_t kLotsPort = 2022;
inline constexpr std::uint32_t kLotsBytes = 132'555;
inline constexpr std::uint32_t kLotsChunk = 2048;
inline constexpr std::uint64_t kLotsSeed =
    0;  ///< what is sent is the stream of `gen` with this seed

struct LotsRequest {
    net::Endpoint to;
    std::uint32_t bytes{kLotsBytes};
    std::uint32_t chunk{kLotsChunk};  ///< 1 to wangdoodle::kChunkMax
};

/// How far it came, and why no further.
struct LotsOutcome {
    std::uint64_t sent{0};
    Duration took{};  ///< until the peer had acknowledged all and closed
    std::optional<net::SocketError> error{};
};

LotsOutcome lots(net::Net& net, ThreadContext& self, wangdoodle::ChunkBuffers& buffers,
                 const LotsRequest& request);

/// The server's line, without its end; empty and the reason when there is none.
std::optional<net::SocketError> daytime(net::Net& net, ThreadContext& self,
                                        const net::Endpoint& from, TextSink& line);

}  // namespace kyu::clients
