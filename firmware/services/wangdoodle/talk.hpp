// Talk: the few ways a test server speaks to its client.
//
// Context   the thread that serves the connection.
// Time      a client that says nothing, or takes nothing, for kPatience is given up.
#pragma once

#include <span>
#include <string_view>

#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/socket/api.hpp"

namespace kyu::wangdoodle {

inline constexpr Duration kPatience = Duration::from_s(120);

/// Sends all of `bytes`; false when the connection is of no more use.
inline bool send_all(ThreadContext& self, net::TcpSocket& client,
                     std::span<const std::byte> bytes) {
    return client.send(self, bytes, self.now() + kPatience).status.has_value();
}

inline bool send_text(ThreadContext& self, net::TcpSocket& client, std::string_view text) {
    return send_all(self, client, std::as_bytes(std::span(text)));
}

/// Sends bytes that never change, without copying them.
inline bool send_table(ThreadContext& self, net::TcpSocket& client,
                       std::span<const std::byte> bytes) {
    return client.send_static(self, bytes, self.now() + kPatience).status.has_value();
}

}  // namespace kyu::wangdoodle
