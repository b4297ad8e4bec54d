// A month in a minute: what wraps or grows old while boards are up, in virtual time.
#include <cstring>
#include <optional>

#include "net/socket/pair_test_support.hpp"

namespace kyu::net {
namespace month_test {

using test::pattern_bytes;
using test::TestPair;
using test::WireFates;

constexpr std::uint16_t kPort = 114;
constexpr Duration kDay = Duration::from_s(24LL * 3600);
/// Where 32 bits of milliseconds end.
constexpr Instant kMillisecondsEnd = Instant::from_us(0x1'0000'0000 * 1000);

/// Sends `count` bytes of the pattern over one connection and compares them at the other end.
struct Exchange {
    std::uint64_t count;
    std::uint64_t received{0};
    bool wrong{false};
    std::optional<SocketError> error{};
};

constexpr std::size_t kPiece = 65536;
constexpr std::size_t kPeriod = 65521;  // a prime: no segment begins where another began
/// Byte i of the stream is byte i % kPeriod of this.
const std::vector<std::byte>& stream() {
    static const std::vector<std::byte> bytes = pattern_bytes(kPeriod + kPiece);
    return bytes;
}

void produce(TcpSocket& s, ThreadContext& self, Exchange& x) {
    for (std::uint64_t at = 0; at < x.count && !x.error;) {
        const std::size_t n = std::min<std::uint64_t>(kPiece, x.count - at);
        const std::size_t from = at % kPeriod;
        const std::size_t whole = std::min(n, kPeriod - from);
        const auto out = s.send(self, std::span{stream()}.subspan(from, whole), Instant::never());
        at += out.sent;
        if (!out.status) x.error = out.status.error();
    }
}

void consume(TcpSocket& s, ThreadContext& self, Exchange& x) {
    std::vector<std::byte> piece(kPiece);
    while (x.received < x.count && !x.error && !x.wrong) {
        const auto n = s.recv(self, piece, Instant::never());
        if (!n || *n == 0) {
            x.error = n ? SocketError::closed : n.error();
            return;
        }
        for (std::size_t done = 0; done < *n;) {
            const std::size_t from = (x.received + done) % kPeriod;
            const std::size_t part = std::min(*n - done, kPeriod - from);
            x.wrong |= std::memcmp(piece.data() + done, stream().data() + from, part) != 0;
            done += part;
        }
        x.received += *n;
    }
}

/// A connection between two boards, first used at once and again after `silence`.
class Boards {
    std::unique_ptr<TestPair> pair_;

public:
    explicit Boards(const WireFates& fates = {}) : pair_(std::make_unique<TestPair>(fates)) {}

    void run(Duration before, Duration silence, std::vector<Exchange*> exchanges) {
        TestPair& pair = *pair_;
        pair.machine.thread("server", 10, [&](ThreadContext& self) {
            auto listener = TcpSocket::listen(*pair.b.net, self, kPort, 5);
            auto s = listener->accept(self, Instant::never());
            for (Exchange* x : exchanges) consume(*s, self, *x);
            s->close(self);
            listener->close(self);
        });
        pair.machine.thread("client", 10, [&](ThreadContext& self) {
            self.sleep_for(before + Duration::from_ms(10));
            auto s =
                TcpSocket::connect(*pair.a.net, self, {pair.b.address, kPort}, Instant::never());
            for (Exchange* x : exchanges) {
                produce(*s, self, *x);
                self.sleep_for(silence);
            }
            s->close(self);
        });
        pair.run(Instant::never());
    }
};

void expect_whole(const Exchange& x) {
    EXPECT_EQ(x.received, x.count);
    EXPECT_FALSE(x.wrong);
    EXPECT_FALSE(x.error.has_value());
}

TEST(Month, data_after_25_days_of_silence_arrive) {
    Exchange before{.count = 100'000};
    Exchange after{.count = 100'000};
    Boards{}.run({}, kDay * 25, {&before, &after});
    expect_whole(before);
    expect_whole(after);
}

TEST(Month, boards_that_are_up_for_60_days_carry_a_lossy_transfer) {
    Exchange x{.count = 2'000'000};
    Boards{{.lost = 20, .doubled = 10, .delayed = 20}}.run(kDay * 60, Duration::from_ms(1), {&x});
    expect_whole(x);
}

TEST(Month, a_transfer_goes_on_while_the_milliseconds_wrap) {
    Exchange x{.count = 20'000'000};  // two seconds and more
    Boards{{.lost = 10, .delay = Duration::from_ms(2)}}.run(
        (kMillisecondsEnd - Instant{}) - Duration::from_s(1), Duration::from_ms(1), {&x});
    expect_whole(x);
}

TEST(Month, sequence_numbers_go_all_the_way_round_in_one_transfer) {
#if defined(__SANITIZE_ADDRESS__) || defined(KYU_DEBUG_POOLS)
    GTEST_SKIP() << "the same code is sanitized in shorter transfers";
#endif
    Exchange x{.count = 5'000'000'000};
    Boards{}.run({}, Duration::from_ms(1), {&x});
    expect_whole(x);
}

}  // namespace month_test
}  // namespace kyu::net
