#include "services/wangdoodle/wangdoodle.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "services/wangdoodle/line.hpp"
#include "services/wangdoodle/streams.hpp"
#include "services/wangdoodle/talk.hpp"

namespace kyu::wangdoodle {

std::uint64_t Wangdoodle::next_random() {
    // GenStream is a good generator too: draw number n is its n-th block.
    std::array<std::byte, 8> bytes{};
    GenStream{seed_}.fill(std::uint64_t{drawn_.fetch_add(1)} * bytes.size(), bytes);
    std::uint64_t value = 0;
    for (const std::byte b : bytes) value = (value << 8U) | std::to_integer<std::uint64_t>(b);
    return value;
}

bool Wangdoodle::send_big(ThreadContext& self, net::TcpSocket& client) {
    if constexpr (kMissionBugs) {
        if (planted_.bug().is(MissionBug::shared_buffer)) {
            return planted_.send_big_from_shared_buffer(self, client);
        }
    }
    return send_table(self, client, big_.bytes);
}

bool Wangdoodle::big_wangdoodle(ThreadContext& self, net::TcpSocket& client) {
    const std::uint32_t nth = bigs_started_.fetch_add(1) + 1;
    if (planted_.due(nth)) {
        planted_.act(self, client, big_.bytes);
        return false;
    }
    if (send_big(self, client)) bigs_sent_.fetch_add(1);
    return false;  // the original closes after `big`
}

bool Wangdoodle::one_wangdoodle(ThreadContext& self, net::TcpSocket& client, std::string_view line,
                                std::span<const std::byte> early, std::size_t& used) {
    const Command command = parse_command(line);
    TextBuffer<40> reply;
    switch (command.verb) {
        case Verb::nothing: return true;
        case Verb::stat: return send_text(self, client, "OK\n");
        case Verb::rand:
            print(reply, "R {}\n", next_random() & 0x7FFF'FFFFU);
            return send_text(self, client, reply.view());
        case Verb::uni:
            print(reply, "U {}\n", next_random() % 100);
            return send_text(self, client, reply.view());
        case Verb::big: return big_wangdoodle(self, client);
        case Verb::lots: return send_lots(self, client, big_.bytes, command.bytes);
        case Verb::gen: return send_gen(self, client, command, buffers_);
        case Verb::sink: return check_sink(self, client, command, early, used);
        case Verb::quit: return false;
        case Verb::unknown: return send_text(self, client, "ERR\n");
    }
    return false;
}

void Wangdoodle::serve(ThreadContext& self, net::TcpSocket& client) {
    LineAssembler assembler;
    std::array<std::byte, 1024> buffer;  // NOLINT: filled by recv
    const auto handle = [&](LineAssembler::Event event, std::span<const std::byte> rest,
                            std::size_t& used) {
        if (event == LineAssembler::Event::none) return true;
        if (event == LineAssembler::Event::too_long) return send_text(self, client, "ERR\n");
        return one_wangdoodle(self, client, assembler.line(), rest, used);
    };
    for (;;) {
        const auto got = client.recv(self, buffer, self.now() + kPatience);
        if (!got) return;
        const auto bytes = std::span<const std::byte>(buffer).first(*got);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            std::size_t used = 0;
            const auto event = assembler.push(static_cast<char>(bytes[i]));
            if (!handle(event, bytes.subspan(i + 1), used)) return;
            i += used;
        }
        if (!bytes.empty()) continue;
        // End of input: a last command without its line end counts, as it did in the original.
        std::size_t used = 0;
        if (assembler.partial()) handle(assembler.end(), {}, used);
        return;
    }
}

}  // namespace kyu::wangdoodle
