// tftp_get: reads a file from a TFTP server, for threads.
//
// Context   threads; blocks. The answering port of the first packet is the transfer's (RFC 1350
//           §4); packets from others are answered with an error and change nothing.
// Time      what was sent last is sent again each kTftpRetry; kTftpTries times without a new block
//           is the end.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/ip_address.hpp"
#include "net/tftp/message.hpp"

namespace kyu::net {

class Net;

inline constexpr Duration kTftpRetry = Duration::from_s(1);
inline constexpr unsigned kTftpTries = 6;

/// Where a file's bytes go, in order.
struct TftpSink {
    void (*write)(void* argument, std::span<const std::byte> bytes);
    void* argument;
    std::uint64_t bytes_max;
};

/// Reads `name` from `server`. `get` says afterwards how many bytes there were, or why it failed.
[[nodiscard]] Status<TftpError> tftp_get(Net& net, ThreadContext& self, Ipv4 server,
                                         std::string_view name, const TftpSink& sink, TftpGet& get);

}  // namespace kyu::net
