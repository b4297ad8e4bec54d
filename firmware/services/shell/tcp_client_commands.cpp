// lots, daytime: the board as a client.
//
// Context   the shell's thread, which waits for the other side, with limits.
#include "services/clients/clients.hpp"
#include "services/shell/command.hpp"
#include "services/wangdoodle/command.hpp"

namespace kyu {
namespace {

constexpr std::uint16_t kDaytimePort = 13;

/// Word `n` as a number from 1 to `most`, or `otherwise` when there is no such word.
std::optional<std::uint32_t> number_or(Words words, std::size_t n, std::uint32_t otherwise,
                                       std::uint32_t most) {
    if (n >= words.size()) return otherwise;
    const auto value = parse_u32(words[n]);
    return value && *value >= 1 && *value <= most ? value : std::nullopt;
}

/// HOST [PORT], in front of the other words.
std::optional<net::Endpoint> endpoint(Words words, std::uint16_t port) {
    const auto address = words.empty() ? std::nullopt : net::parse_ipv4(words[0]);
    const auto number = number_or(words, 1, port, UINT16_MAX);
    if (!address || !number) return std::nullopt;
    return net::Endpoint{*address, static_cast<std::uint16_t>(*number)};
}

void lots(ThreadContext& self, ShellParts& parts, Words words) {
    const auto to = endpoint(words, clients::kLotsPort);
    const auto total = number_or(words, 2, clients::kLotsBytes, UINT32_MAX);
    const auto chunk = number_or(words, 3, clients::kLotsChunk, wangdoodle::kChunkMax);
    if (!to || !total || !chunk || words.size() > 4) {
        return parts.console.print(self, "lots ADDRESS [PORT [TOTAL [CHUNK]]], CHUNK at most {}\n",
                                   wangdoodle::kChunkMax);
    }
    if (parts.services.chunks == nullptr) return parts.console.print(self, "no buffers here\n");
    const auto outcome =
        clients::lots(parts.net, self, *parts.services.chunks, {*to, *total, *chunk});
    parts.console.print(self, "sent {} of {} bytes in {} ms{}{}\n", outcome.sent, *total,
                        outcome.took.ms(), outcome.error ? ": " : "",
                        outcome.error ? net::to_text(*outcome.error) : "");
}

void daytime(ThreadContext& self, ShellParts& parts, Words words) {
    const auto from = endpoint(words, kDaytimePort);
    if (!from || words.size() > 2) return parts.console.print(self, "daytime ADDRESS [PORT]\n");
    TextBuffer<80> line;
    const auto error = clients::daytime(parts.net, self, *from, line);
    parts.console.print(self, "{}{}\n", line.view(), error ? net::to_text(*error) : "");
}

}  // namespace

std::span<const ShellCommand> tcp_client_commands() {
    static constexpr std::array kCommands{
        ShellCommand{"lots", "", "HOST [P [N [C]]]", "connects out, sends N bytes in chunks of C",
                     lots},
        ShellCommand{"daytime", "", "HOST [P]", "asks HOST for the time", daytime},
    };
    return kCommands;
}

}  // namespace kyu
