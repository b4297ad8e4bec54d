#include "services/classic/classic.hpp"

#include <array>
#include <span>

#include "base/text.hpp"
#include "services/wangdoodle/talk.hpp"

namespace kyu::classic {
namespace {

using namespace time_literals;
using wangdoodle::kPatience;
using wangdoodle::send_all;
using wangdoodle::send_text;

constexpr std::size_t kPiece = 4096;

}  // namespace

void serve_sink(void* state, ThreadContext& self, net::TcpSocket& client) {
    auto* count = static_cast<ByteCount*>(state);
    for (;;) {
        const auto got = client.discard(self, self.now() + kPatience);
        if (!got || *got == 0) return;
        if (count != nullptr) count->fetch_add(*got);
    }
}

void serve_echo(void* /*state*/, ThreadContext& self, net::TcpSocket& client) {
    std::array<std::byte, kPiece> piece;  // NOLINT: filled by recv
    for (;;) {
        const auto got = client.recv(self, piece, self.now() + kPatience);
        if (!got || *got == 0) return;
        if (!send_all(self, client, std::span(piece).first(*got))) return;
    }
}

void serve_chargen(void* /*state*/, ThreadContext& self, net::TcpSocket& client) {
    constexpr std::size_t kPrintable = 95;
    constexpr std::size_t kWidth = 72;
    std::array<char, kWidth + 2> line{};
    line[kWidth] = '\r';
    line[kWidth + 1] = '\n';
    for (std::size_t first = 0;; first = (first + 1) % kPrintable) {
        for (std::size_t i = 0; i < kWidth; ++i) {
            line[i] = static_cast<char>(' ' + (first + i) % kPrintable);
        }
        if (!send_text(self, client, {line.data(), line.size()})) return;
    }
}

void serve_daytime(void* /*state*/, ThreadContext& self, net::TcpSocket& client) {
    TextBuffer<64> line;
    print(line, "Kyu has been up for {} seconds\r\n", self.now().ms() / 1000);
    send_text(self, client, line.view());
}

void serve_blab(void* /*state*/, ThreadContext& self, net::TcpSocket& client) {
    constexpr int kLines = 25;
    for (int i = 1; i <= kLines; ++i) {
        TextBuffer<32> line;
        print(line, "Blab {} of {}\r\n", i, kLines);
        if (!send_text(self, client, line.view())) return;
        self.sleep_for(1_s);
    }
}

void serve_pirate(void* /*state*/, ThreadContext& self, net::TcpSocket& client) {
    send_text(self, client, "Dead men tell no tales\r\n");
}

}  // namespace kyu::classic
