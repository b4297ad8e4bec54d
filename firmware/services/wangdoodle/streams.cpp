#include "services/wangdoodle/streams.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "services/wangdoodle/pattern.hpp"
#include "services/wangdoodle/talk.hpp"

namespace kyu::wangdoodle {
namespace {

constexpr std::size_t kSmallChunk = 8192;
constexpr std::size_t kPiece = 2048;

bool send_chunks(ThreadContext& self, net::TcpSocket& client, const Command& command,
                 std::span<std::byte> chunk) {
    const GenStream stream{command.seed};
    for (std::uint64_t at = 0; at < command.bytes;) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), command.bytes - at));
        stream.fill(at, chunk.first(size));
        if (!send_all(self, client, chunk.first(size))) return false;
        at += size;
    }
    return true;
}

// Where a stream first went wrong.
struct Difference {
    std::uint64_t offset{};
    std::byte expected{};
    std::byte found{};
};

// Compares what a client sends with the stream, piece by piece.
class SinkCheck {
    GenStream stream_;
    std::uint64_t at_{0};
    bool differs_{false};
    Difference first_{};

public:
    explicit SinkCheck(std::uint64_t seed) : stream_(seed) {}

    /// `piece` is at most kPiece bytes.
    void take(std::span<const std::byte> piece) {
        std::array<std::byte, kPiece> wanted;  // NOLINT: filled below
        const auto expected = std::span(wanted).first(piece.size());
        stream_.fill(at_, expected);
        const auto [e, f] = std::mismatch(expected.begin(), expected.end(), piece.begin());
        if (!differs_ && e != expected.end()) {
            differs_ = true;
            first_ = Difference{at_ + static_cast<std::uint64_t>(e - expected.begin()), *e, *f};
        }
        at_ += piece.size();
    }
    [[nodiscard]] std::uint64_t bytes() const { return at_; }
    [[nodiscard]] bool differs() const { return differs_; }
    /// Only if it differs().
    [[nodiscard]] const Difference& first() const { return first_; }
};

bool report(ThreadContext& self, net::TcpSocket& client, const SinkCheck& check) {
    TextBuffer<64> line;
    if (check.differs()) {
        const Difference& first = check.first();
        print(line, "BAD {} {:02x} {:02x}\n", first.offset,
              std::to_integer<unsigned>(first.expected), std::to_integer<unsigned>(first.found));
    } else {
        print(line, "OK {}\n", check.bytes());
    }
    return send_text(self, client, line.view());
}

}  // namespace

bool send_lots(ThreadContext& self, net::TcpSocket& client, std::span<const std::byte> big,
               std::uint64_t bytes) {
    const std::uint64_t chunks = lots_chunks(bytes);
    for (std::uint64_t i = 0; i < chunks;) {
        const std::size_t from = lots_source_chunk(i, chunks);
        // Neighbours in `lots` are neighbours in `big` until the middle starts again.
        std::uint64_t run = 1;
        while (i + run < chunks && lots_source_chunk(i + run, chunks) == from + run) ++run;
        const auto size = static_cast<std::size_t>(run) * kChunkBytes;
        if (!send_table(self, client, big.subspan(from * kChunkBytes, size))) return false;
        i += run;
    }
    return true;
}

bool send_gen(ThreadContext& self, net::TcpSocket& client, const Command& command,
              ChunkBuffers& buffers) {
    if (command.chunk_bytes <= kSmallChunk) {
        std::array<std::byte, kSmallChunk> chunk;  // NOLINT: filled before it is sent
        return send_chunks(self, client, command, std::span(chunk).first(command.chunk_bytes));
    }
    const ChunkBuffers::Loan loan(buffers, self, self.now() + kPatience);
    if (loan.bytes().empty()) return send_text(self, client, "ERR\n");
    return send_chunks(self, client, command, loan.bytes().first(command.chunk_bytes));
}

bool check_sink(ThreadContext& self, net::TcpSocket& client, const Command& command,
                std::span<const std::byte> early, std::size_t& used) {
    SinkCheck check{command.seed};
    used = static_cast<std::size_t>(std::min<std::uint64_t>(early.size(), command.bytes));
    for (std::size_t at = 0; at < used; at += kPiece) {
        check.take(early.subspan(at, std::min(kPiece, used - at)));
    }
    std::array<std::byte, kPiece> piece;  // NOLINT: filled by recv
    while (check.bytes() < command.bytes) {
        const auto room = static_cast<std::size_t>(
            std::min<std::uint64_t>(piece.size(), command.bytes - check.bytes()));
        const auto got = client.recv(self, std::span(piece).first(room), self.now() + kPatience);
        if (!got || *got == 0) return false;
        check.take(std::span(piece).first(*got));
    }
    return report(self, client, check);
}

}  // namespace kyu::wangdoodle
