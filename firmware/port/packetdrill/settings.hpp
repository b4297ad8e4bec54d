// Settings: what a script asks of the system it was written for, in the terms of this stack.
//
// Rules     A setting is offered when the stack can do what it says, be it by a choice that the
//           stack gives its users or because it does nothing else. Any other value is refused, and
//           a script that depends on it proves nothing here. Names that are not in the table are
//           unknown, and told.
// Source    FreeBSD's tcp(4), Linux' ip-sysctl: names and meaning of the settings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/tcp/settings.hpp"

namespace kyu::packetdrill {

/// Whose scripts are run: their defaults, and how their SYNs lay out the options.
enum class System : std::uint8_t { freebsd, linux };

enum class EcnMode : std::uint8_t { off, ask, grant_only };

struct Settings {
    System system{System::freebsd};
    std::uint32_t receive_bytes{65536};
    std::uint32_t send_bytes{32768};
    std::uint8_t window_scale{6};  ///< offered at least
    bool sack{true};
    bool timestamps{true};
    bool scaling{true};
    EcnMode ecn{EcnMode::grant_only};
    Duration connect_patience{Duration::from_s(75)};  ///< connect() gives up then
    net::TcpSettings defaults{};  ///< of the rest: keepalive, congestion control

    explicit Settings(System whose);
    /// Of a new socket.
    [[nodiscard]] net::TcpSettings of_socket(bool listener) const;
};

enum class Answer : std::uint8_t { unknown, offered, refused };

/// Sets `name` to `value` (the text that sysctl is given), if that is offered.
Answer apply(Settings& settings, std::string_view name, std::string_view value);

/// What a buffer of `bytes` becomes once the connection's MSS is known: FreeBSD's are whole
/// segments.
[[nodiscard]] std::uint32_t in_whole_segments(std::uint32_t bytes, std::uint32_t mss);

}  // namespace kyu::packetdrill
