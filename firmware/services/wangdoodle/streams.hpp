// lots, gen and sink: streams of any length, one way and the other.
//
// Context   the thread that serves the connection. Small chunks are made on its stack, large ones
//           in a buffer borrowed for the length of the stream.
#pragma once

#include <span>

#include "net/socket/api.hpp"
#include "services/wangdoodle/chunk_buffers.hpp"
#include "services/wangdoodle/command.hpp"

namespace kyu::wangdoodle {

/// Sends `bytes` of `lots`, which is made of chunks of `big` (pattern.hpp). False when the
/// connection is of no more use.
bool send_lots(ThreadContext& self, net::TcpSocket& client, std::span<const std::byte> big,
               std::uint64_t bytes);

/// Sends command.bytes of the stream of command.seed in writes of command.chunk_bytes. False when
/// the connection is of no more use.
bool send_gen(ThreadContext& self, net::TcpSocket& client, const Command& command,
              ChunkBuffers& buffers);

/// Checks the next command.bytes that the client sends; `early` are those that came with the
/// command line. Answers "OK <bytes>" or "BAD <offset> <expected> <found>" (hex). Sets `used` to
/// how many of `early` belonged to the stream. False when the connection is of no more use.
bool check_sink(ThreadContext& self, net::TcpSocket& client, const Command& command,
                std::span<const std::byte> early, std::size_t& used);

}  // namespace kyu::wangdoodle
